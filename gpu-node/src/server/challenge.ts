/** `POST /.well-known/lepton-node`: proves to a gateway that this address is that of the holder of the node's key. */
import type { IncomingMessage } from 'node:http';
import { LeptonError, parseJson } from '@lepton-edge/protocol';
import { z } from 'zod';
import { readBody } from './read-body.ts';
import { json, type Reply } from './reply.ts';

const MAX_BODY_BYTES = 4096;

const Challenge = z.object({ nonce: z.string().min(1).max(200), audience: z.string().min(1).max(500) });

/** Signs a nonce for an audience with the node's key. */
export type Prove = (nonce: string, audience: string) => Promise<string>;

/** @throws LeptonError `invalid_json`, `invalid_request`, `body_too_large` */
export async function answerChallenge(request: IncomingMessage, prove: Prove): Promise<Reply> {
  const parsed = Challenge.safeParse(parseJson(await readBody(request, MAX_BODY_BYTES)));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new LeptonError('invalid_request', `expected {"nonce", "audience"}: ${faults}`);
  }
  return json(200, { proof: await prove(parsed.data.nonce, parsed.data.audience) });
}
