/** `lepton infer`: one inference, with what the gateway says of it. */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { encodeTensors, type Tensor } from '@lepton-edge/protocol';
import type { InferResult } from '../../infer.ts';
import { type Command, type Context, JsonText } from '../command.ts';
import { Failure, UsageError } from '../failure.ts';
import { fields, msText, printable } from '../text.ts';

const SHOWN_ELEMENTS = 12;
const PLACES = ['edge', 'node'] as const;

const infer: Command = {
  words: 'infer',
  summary: 'run a model on inputs in the Open Inference Protocol',
  about: 'REF is a model, MODEL@ALIAS or MODEL@N.',
  args: ['REF'],
  options: {
    input: { type: 'string', value: 'FILE', help: 'the request body as JSON; - reads it from stdin', required: true },
    place: {
      type: 'string',
      value: 'edge|node',
      help: 'where it must run; such a call is not answered from the cache',
    },
    'cache-control': { type: 'string', value: 'TEXT', help: 'which remembered answers will do, such as no-cache' },
  },
  examples: [
    'infer digits --input digits.json',
    `infer digits@3 --input - <<< '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [0.5]}]}'`,
  ],
  async run(context, input) {
    const place = input.oneOf('place', PLACES);
    const body = await readBody(input.needed('input'), context);
    const client = await context.client();
    const cacheControl = input.text('cache-control');
    const result = await client.inferJson(input.arg(0), body, { place, cacheControl, signal: context.signal });
    return { json: resultJson(result), text: resultText(result) };
  },
};

export const INFER_COMMANDS = [infer];

/** The text is checked and sent as it is: long integers stay exact. */
async function readBody(path: string, context: Context): Promise<string> {
  let body: string;
  if (path === '-') {
    if (context.stdin.isTTY) context.note('reading the request from the terminal; Ctrl-D ends it');
    body = await textOf(context.stdin);
  } else {
    body = await readFile(path, 'utf8').catch((cause: Error) => {
      throw new UsageError(`--input: ${cause.message}`);
    });
  }
  try {
    JSON.parse(body);
  } catch (cause) {
    const from = path === '-' ? 'stdin' : path;
    throw new Failure(`${from} is not JSON: ${(cause as Error).message}`, {
      code: 'invalid_json',
      hint: 'expected {"inputs": [{"name", "datatype", "shape", "data"}]}',
    });
  }
  return body;
}

function resultJson(result: InferResult): JsonText {
  const { model, placement, cache, ageSeconds, timing, requestId, id } = result;
  const head = JSON.stringify({ model, placement, cache, ageSeconds, timing, requestId, id });
  return new JsonText(`${head.slice(0, -1)},"outputs":${encodeTensors(result.outputs)}}`);
}

function resultText(result: InferResult): string {
  const timing = Object.entries(result.timing).map(([phase, ms]) => `${phase} ${msText(ms)}`);
  const facts = fields([
    ['model', result.model],
    ['placement', result.placement],
    ['cache', result.ageSeconds === undefined ? result.cache : `${result.cache}, ${result.ageSeconds} s old`],
    ['timing', timing.join(', ') || undefined],
    ['request', result.requestId],
  ]);
  return [facts, ...result.outputs.map(outputText)].join('\n\n');
}

function outputText(tensor: Tensor): string {
  const { name, datatype, shape, data } = tensor;
  const first = data.slice(0, SHOWN_ELEMENTS);
  const shown = Array.from(datatype === 'FP16' ? halfs(tensor, first) : (first as ArrayLike<unknown>), elementText);
  const more = data.length > SHOWN_ELEMENTS ? `, … ${data.length - SHOWN_ELEMENTS} more` : '';
  return `${printable(name)}  ${datatype} [${shape.join(',')}]\n  ${shown.join(', ')}${more}`;
}

/** FP16 is kept as bits; its JSON form has the numbers. */
function halfs(tensor: Tensor, data: Tensor['data']): unknown[] {
  return JSON.parse(encodeTensors([{ ...tensor, data }]))[0].data;
}

function elementText(element: unknown): string {
  if (element instanceof Uint8Array) return printable(JSON.stringify(new TextDecoder().decode(element)));
  return typeof element === 'number' ? String(Number(element.toPrecision(7))) : String(element);
}
