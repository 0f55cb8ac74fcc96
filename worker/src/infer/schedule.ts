/** Whose a request is, how soon it wants its answer, and before which others: what every queue on its way must know. */
import {
  type Parameters,
  PRIORITY_HEADER,
  type Priority,
  priorityOfParameters,
  TENANT_HEADER,
  TIMEOUT_HEADER,
  timeoutOfParameters,
} from '@lepton-edge/protocol';
import { Deadline } from './deadline.ts';
import type { ModelCall } from './model-call.ts';

export interface Schedule {
  tenant: string;
  /** Undefined: the default. */
  priority: Priority | undefined;
  deadline: Deadline | undefined;
}

/** Of two times the shorter counts; a priority in a header goes before one in a parameter. */
export function scheduleOf(call: ModelCall, parameters?: Parameters): Schedule {
  const { principal, arrivedAt, timeoutMs } = call;
  const ms = Math.min(
    timeoutMs ?? Number.POSITIVE_INFINITY,
    timeoutOfParameters(parameters) ?? Number.POSITIVE_INFINITY,
  );
  return {
    tenant: principal.teamId,
    priority: call.priority ?? priorityOfParameters(parameters),
    deadline: ms === Number.POSITIVE_INFINITY ? undefined : new Deadline(ms, arrivedAt),
  };
}

/** What a node is told of it. @param leftMs until its deadline, at least 1: clocks of two machines differ */
export function scheduleHeaders({ tenant, priority, deadline }: Schedule, leftMs: number): Record<string, string> {
  const headers: Record<string, string> = { [TENANT_HEADER]: tenant };
  if (priority !== undefined) headers[PRIORITY_HEADER] = String(priority);
  if (deadline) headers[TIMEOUT_HEADER] = String(Math.floor(leftMs));
  return headers;
}
