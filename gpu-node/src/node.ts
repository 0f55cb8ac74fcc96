/** A node of either kind: in a fleet, or alone over a directory of models. */
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { startFleetNode } from './fleet-node.ts';
import { startLoneNode } from './lone-node.ts';
import type { RunningNode } from './node-parts.ts';

/** @throws Error when the home, the model repository, the port or every engine fails */
export async function startNode(config: Config, log: Logger): Promise<RunningNode> {
  const { gateway, modelRepository } = config;
  if (gateway !== undefined) return await startFleetNode({ ...config, gateway }, log);
  if (modelRepository !== undefined) return await startLoneNode({ ...config, modelRepository }, log);
  throw new Error('a node needs a gateway or a model repository');
}
