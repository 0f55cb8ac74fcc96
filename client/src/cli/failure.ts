/** What goes wrong on a command line, as one sentence with a hint, and the exit code that says so. */
import { GatewayError, VersionRejectedError } from '../errors.ts';

export const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** What a shell reports for a program stopped by Ctrl-C. */
export const EXIT_STOPPED = 130;

interface FailureOptions {
  code?: string;
  hint?: string | undefined;
  cause?: unknown;
}

/** Something the person at the terminal can act on. `message` is one sentence. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, { code = 'failed', hint, cause }: FailureOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** The command line itself is wrong. */
export class UsageError extends Failure {
  override readonly name = 'UsageError';

  constructor(message: string, hint?: string) {
    super(message, { code: 'usage', hint });
  }
}

export interface Description {
  code: string;
  message: string;
  hint?: string | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  errors?: { path: string; message: string }[] | undefined;
}

const HINTS: Record<string, string> = {
  unauthenticated: 'sign in with `lepton login`, or set LEPTON_KEY',
  missing_scope: 'use a key that has this scope; whoever holds an admin key can make one',
  model_not_found: '`lepton models list` shows the models this key may see',
  version_not_found: '`lepton versions list MODEL` shows the versions there are',
  alias_not_found: '`lepton alias list MODEL` shows the aliases there are',
  team_not_found: '`lepton teams list` shows the teams there are',
  node_not_found: '`lepton nodes list` shows the nodes there are',
  node_token_not_found: '`lepton node-tokens list` shows the tokens there are',
  key_not_found: '`lepton keys list` shows the keys there are',
  grant_not_found: '`lepton grants list MODEL` shows who has access',
  revision_conflict: 'someone moved it meanwhile: look with `lepton alias show`, then decide again',
  version_not_ready: '`lepton versions show MODEL@N` says how its admission stands',
  version_in_use: 'move the aliases that point to it first: `lepton alias list MODEL`',
  model_in_use: '`--force` deletes it all the same',
  digest_mismatch: 'the file changed while it was sent: run the same command again',
  upload_not_found: 'the upload expired: run the same command again',
  path_not_found: 'this gateway may be older than this command',
  not_a_gateway: 'check the URL: `lepton whoami` shows which one is used',
  method_not_allowed: 'this gateway may be older than this command',
};

/** Describes anything thrown: never a stack. */
export function describe(error: unknown): Description {
  if (error instanceof Failure) return { code: error.code, message: error.message, hint: error.hint };
  if (error instanceof VersionRejectedError) {
    return {
      code: 'version_rejected',
      message: error.message,
      hint: 'correct the file or its manifest and push again',
    };
  }
  if (error instanceof GatewayError) return describeGatewayError(error);
  if (error instanceof DOMException && error.name === 'AbortError') return { code: 'stopped', message: 'stopped' };
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  return describe(error).code === 'stopped' ? EXIT_STOPPED : EXIT_FAILED;
}

function describeGatewayError(error: GatewayError): Description {
  if (error.status === 0) {
    const reason = rootCause(error);
    return {
      code: 'unreachable',
      message: reason ? `${error.message}: ${reason}` : error.message,
      hint: 'check that the gateway runs and the URL is right: `lepton whoami` shows which one is used',
    };
  }
  const { retryAfterSeconds, status, requestId, errors } = error;
  const code = error.code ?? `http_${status}`;
  const wait = retryAfterSeconds === undefined ? undefined : `try again in ${Math.ceil(retryAfterSeconds)} s`;
  return { code, message: error.message, hint: HINTS[code] ?? wait, status, requestId, errors };
}

/** fetch says only "fetch failed"; the reason is the innermost cause. */
function rootCause(error: Error): string | undefined {
  let inner: unknown = error.cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) inner = inner.errors[0];
  return inner instanceof Error ? inner.message : undefined;
}
