/** Embeddings of a version whose tokenizer is too large for an isolate: a node tokenises, runs and pools. */
import {
  type EmbeddingInput,
  EmbeddingResponseBody,
  LeptonError,
  MODEL_HEADER,
  type Placement,
} from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/live-node.ts';
import type { Resolved } from '../services/directory.ts';
import { askNodes } from './ask-nodes.ts';
import { callNode, type NodeAnswer, type Patience } from './call-node.ts';
import { countRun } from './count.ts';
import { decide, refusalOf } from './decide.ts';
import type { EmbeddedText } from './known-embeddings.ts';
import type { Schedule } from './schedule.ts';
import type { Timings } from './timings.ts';
import type { Tracing } from './tracing.ts';

export interface NodeEmbedCall {
  target: Resolved;
  inputs: readonly EmbeddingInput[];
  /** Why the isolate cannot read texts for this version. */
  tooLarge: string;
  asked: 'edge' | 'node' | undefined;
  schedule: Schedule;
  tracing: Tracing;
  timings: Timings;
  waitUntil: WaitUntil;
}

/** All dimensions of each, in order; however many runs the node makes of it count as one. @throws LeptonError as placement and the nodes do */
export async function embedOnNodes(
  gateway: Gateway,
  call: NodeEmbedCall,
): Promise<{ texts: EmbeddedText[]; placement: Placement }> {
  const { target, inputs, timings, waitUntil } = call;
  return await countRun(gateway, target, inputs.length, waitUntil, async () => {
    const { deadline, tenant: team } = call.schedule;
    const asker = { team, size: inputs.reduce((sum, { length }) => sum + length, 0) };
    const decideAgain = (mayTry?: (process: string) => boolean) => {
      const leftMs = deadline?.leftMs() ?? Number.POSITIVE_INFINITY;
      const edge = { ineligible: call.tooLarge };
      return decide(gateway, { target, asker, asked: call.asked, edgeRunMs: 0, leftMs, mayTry, edge }, waitUntil);
    };
    const decided = await decideAgain();
    const answered = await askNodes(
      gateway,
      {
        version: target.version,
        asker,
        decided,
        decideAgain,
        deadline,
        ask: (node, patience) => embedOnNode(gateway, node, call, patience),
      },
      timings,
    );
    if (!answered) throw refusalOf(decided.decision);
    return { texts: answered.value, placement: answered.placement };
  });
}

async function embedOnNode(
  gateway: Gateway,
  node: LiveNode,
  { target: { version }, inputs, schedule, tracing, timings }: NodeEmbedCall,
  patience: Patience,
): Promise<NodeAnswer<EmbeddedText[]>> {
  const model = `${version.model}@${version.version}`;
  const request = {
    version,
    path: '/v1/embeddings',
    headers: { 'content-type': 'application/json', [MODEL_HEADER]: model },
    body: JSON.stringify({ model, input: inputs, encoding_format: 'base64' }),
    schedule,
    tracing,
    patience,
    read: async (response: Response) => readTexts(await response.json(), inputs.length),
  };
  return await callNode(gateway, node, request, timings);
}

/** @throws Error for what is no answer to so many inputs */
function readTexts(value: unknown, count: number): EmbeddedText[] {
  const { data } = EmbeddingResponseBody.parse(value);
  const texts = data.flatMap(({ embedding, tokens }) =>
    typeof embedding === 'string' && tokens !== undefined ? [{ embedding: floatsOf(embedding), tokens }] : [],
  );
  if (texts.length === count) return texts;
  throw new LeptonError('internal', `expected ${count} embeddings in base64 with their tokens, got ${texts.length}`);
}

function floatsOf(base64: string): Float32Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}
