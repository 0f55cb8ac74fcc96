/** `POST /trial`: the gateway has a version tried before it serves. */
import type { IncomingMessage } from 'node:http';
import { GRANT_HEADER, LeptonError, NodeTrialInput, parseJson } from '@lepton-edge/protocol';
import type { Trials } from '../trial/trials.ts';
import { readBody } from './read-body.ts';
import { json, type Reply } from './reply.ts';

const MAX_BODY_BYTES = 4096;

/** @throws LeptonError `invalid_request`, `unavailable` */
export async function answerTrial(request: IncomingMessage, trials: Trials): Promise<Reply> {
  const parsed = NodeTrialInput.safeParse(parseJson(await readBody(request, MAX_BODY_BYTES)));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new LeptonError('invalid_request', `expected {"model", "version", "digest"}: ${faults}`);
  }
  const grant = request.headers[GRANT_HEADER];
  return json(200, await trials.ask({ ...parsed.data, grant: typeof grant === 'string' ? grant : undefined }));
}
