/** The conformance table, and its form as a document. */
import type { Row } from './row.ts';
import { INFERENCE_ROWS } from './rows/inference.ts';
import { REFERENCE_ROWS } from './rows/references.ts';
import { SERVER_ROWS } from './rows/server.ts';
import { TENSOR_DATA_ROWS } from './rows/tensor-data.ts';
import { TRITON_ROWS } from './rows/triton.ts';
import { WIRE_ROWS } from './rows/wire.ts';

export const TABLE: readonly Row[] = [
  ...SERVER_ROWS,
  ...INFERENCE_ROWS,
  ...TENSOR_DATA_ROWS,
  ...WIRE_ROWS,
  ...TRITON_ROWS,
  ...REFERENCE_ROWS,
];

const HEAD = `# Conformance

What the Open Inference Protocol v2 over HTTP demands, and of Triton's extensions those that are served. Each row is checked over HTTP
against the gateway in workerd, at the edge and through its node, and against a gpu-node alone, in \`test/conformance/\`; a row that names one of them is checked there only.
This page is printed from the table by \`npm run docs:conformance\`.

Not served: gRPC, shared memory, classification, sequences, tracing, logging and generation. On the gateway not
\`GET v2/models/stats\` for all models, nor \`load\` and \`unload\`: it loads models by itself.

| id | source | what must be | where |
|---|---|---|---|
`;

export function document(): string {
  const lines = TABLE.map(({ id, source, requirement, on }) => {
    return `| \`${id}\` | ${source} | ${requirement.replaceAll('|', '\\|')} | ${on ?? 'both'} |\n`;
  });
  return HEAD + lines.join('');
}
