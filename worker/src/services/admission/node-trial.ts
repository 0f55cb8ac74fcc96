/** Has a node try a version: its engine runs in a process of its own there, which can be killed. */
import {
  DIGEST_HEADER,
  GRANT_HEADER,
  type NodeTrialAnswer,
  NodeTrialAnswer as NodeTrialAnswerSchema,
  TRIAL_PATH,
} from '@lepton-edge/protocol';
import type { Gateway } from '../../context.ts';
import type { LiveNode } from '../../hubs/live-node.ts';

/** The node answers `working` well before. */
const TIMEOUT_MS = 60_000;

interface Target {
  model: string;
  version: number;
  digest: string;
}

/** @throws Error when the node does not answer as it should */
export async function tryOnNode(gateway: Gateway, node: LiveNode, target: Target): Promise<NodeTrialAnswer> {
  const [call, grant] = await Promise.all([gateway.signer.callToken(node), gateway.signer.grantToken(node, target)]);
  const response = await gateway.fetch(`${node.heartbeat.url.replace(/\/+$/, '')}${TRIAL_PATH}`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${call}`,
      'content-type': 'application/json',
      [DIGEST_HEADER]: target.digest,
      [GRANT_HEADER]: grant,
    },
    body: JSON.stringify({ model: target.model, version: target.version, digest: target.digest }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    throw new Error(
      `node "${node.name}" answered ${response.status} to a trial: ${(await response.text()).slice(0, 300)}`,
    );
  }
  return NodeTrialAnswerSchema.parse(await response.json());
}
