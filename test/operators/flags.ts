/** What `npm run test:operators` was asked to do. */
import { parseArgs } from 'node:util';

/** Where Debian's package puts it. */
const DATA = '/usr/share/libonnx-testdata';

export const HOW_TO_GET_DATA = `ONNX's operator tests are in Debian's package libonnx-testdata:

  apt-get install libonnx-testdata

or, without installing it, into a folder that --data then names:

  apt-get download libonnx-testdata
  dpkg -x libonnx-testdata_*.deb FOLDER
  npm run test:operators -- --data FOLDER${DATA}`;

const USAGE = `npm run test:operators -- [options]

  --data DIR       the tests (${DATA})
  --only TEXT      just the cases whose name contains it
  --record         writes test/operators/known-failures.json and docs/measurements/operators.md

${HOW_TO_GET_DATA}`;

export interface OperatorFlags {
  data: string;
  only: string;
  record: boolean;
}

/** Ends the process where they are wrong. */
export function readOperatorFlags(args: string[]): OperatorFlags {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: DATA },
      only: { type: 'string', default: '' },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const partial = values.record && values.only !== '';
  if (partial) process.stderr.write('--record is for all cases: leave --only out\n\n');
  if (values.help || partial) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(partial ? 1 : 0);
  }
  return values;
}
