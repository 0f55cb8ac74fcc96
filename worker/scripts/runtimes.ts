/** The two builds of ONNX Runtime that run models, each as a thing that can be asked whether it takes one. */
import { createRequire } from 'node:module';
import * as web from 'onnxruntime-web/wasm';

export type Answer = 'known' | 'unknown' | 'deprecated' | 'opset refused' | 'ir version refused';

export interface Runtime {
  ask(model: Uint8Array): Promise<Answer>;
}

/** What both builds' APIs have in common, as far as it is used here. */
interface Sessions {
  create(model: Uint8Array, options: { logSeverityLevel: 4 }): Promise<{ release(): Promise<void> }>;
}

/** The edge's build. */
export async function wasmRuntime(): Promise<Runtime> {
  web.env.wasm.numThreads = 1;
  web.env.logLevel = 'fatal';
  return { ask: (model) => ask(web.InferenceSession, model) };
}

/** The GPU node's build, which is that folder's dependency. */
export function nativeRuntime(): Runtime {
  const require = createRequire(new URL('../../gpu-node/package.json', import.meta.url));
  const { InferenceSession } = require('onnxruntime-node') as { InferenceSession: Sessions };
  return { ask: (model) => ask(InferenceSession, model) };
}

async function ask(sessions: Sessions, model: Uint8Array): Promise<Answer> {
  try {
    const session = await sessions.create(model, { logSeverityLevel: 4 });
    await session.release();
    return 'known';
  } catch (error) {
    return answerOf(error instanceof Error ? error.message : String(error));
  }
}

function answerOf(refusal: string): Answer {
  // A name without any schema is reported with version -1, a deprecated one with the version that deprecated it.
  if (/\(-1\) is not a registered function\/op|No Op registered for/.test(refusal)) return 'unknown';
  if (/is not a registered function\/op|is deprecated in domain_version/.test(refusal)) return 'deprecated';
  if (/ValidateOpsetForDomain/.test(refusal)) return 'opset refused';
  if (/Unsupported model IR version/.test(refusal)) return 'ir version refused';
  return 'known';
}
