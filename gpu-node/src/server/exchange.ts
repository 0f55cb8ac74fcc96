/** One request as it came: who sent it, when, and how soon it wants its answer. */
import type { IncomingMessage } from 'node:http';
import {
  DEFAULT_PRIORITY,
  PRIORITY_HEADER,
  priorityOfHeader,
  TIMEOUT_HEADER,
  timeoutOfHeader,
} from '@lepton-edge/protocol';
import { type Caller, Claim } from '../core/claim.ts';

export interface Exchange {
  request: IncomingMessage;
  /** Whose it is, among those who share the node. */
  tenant: string;
  /** By `performance.now()`. */
  arrivedAt: number;
  caller: Caller;
}

/** @throws LeptonError `invalid_request` */
export function claimOf({ request: { headers }, tenant, arrivedAt, caller }: Exchange): Claim {
  const priority = priorityOfHeader(single(headers[PRIORITY_HEADER])) ?? DEFAULT_PRIORITY;
  return new Claim(tenant, priority, arrivedAt, caller).answerWithin(timeoutOfHeader(single(headers[TIMEOUT_HEADER])));
}

/** Node joins what comes twice to one text; nothing but `set-cookie` is ever a list. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
