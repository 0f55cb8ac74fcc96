/** Versions and their files from the gateway, read with the node's credential and the grant of the call that needs them. */
import { type ErrorCode, LeptonError, type Version, type VersionFile } from '@lepton-edge/protocol';
import type { BlobStream, VersionSource, VersionTarget } from '../models/version-source.ts';
import { type GatewayClient, GatewayRefusal, GatewayUnreachable, type ReadRight } from './gateway-client.ts';

export class GatewaySource implements VersionSource {
  readonly #gateway: GatewayClient;
  readonly #credential: () => string | undefined;

  /** @param credential the node's, now; undefined while it has not joined */
  constructor(gateway: GatewayClient, credential: () => string | undefined) {
    this.#gateway = gateway;
    this.#credential = credential;
  }

  async describe(target: VersionTarget): Promise<Version> {
    const { model, version } = target;
    return await translated(() => this.#gateway.version(this.#right(target), model, version));
  }

  async open(target: VersionTarget, file: VersionFile, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const right = this.#right(target);
    const response = await translated(() => this.#gateway.blob(right, file.digest, offset, signal));
    if (!response.body) throw new LeptonError('unavailable', `the gateway sent no body for ${file.digest}`);
    return { offset: response.status === 206 ? offset : 0, body: response.body };
  }

  #right({ model, version, grant }: VersionTarget): ReadRight {
    const credential = this.#credential();
    if (credential === undefined) throw new LeptonError('unavailable', 'this node has not joined its gateway yet');
    if (grant === undefined) {
      const label = `${model}@${version}`;
      throw new LeptonError(
        'unavailable',
        `${label} is not loaded here, and the call carries no grant to fetch it with`,
      );
    }
    return { credential, grant };
  }
}

/** A gateway's failure to give what it delegated is no fault of the caller, whatever its status; only absence is told. */
async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof GatewayRefusal || error instanceof GatewayUnreachable)) throw error;
    const code: ErrorCode =
      error instanceof GatewayRefusal && error.status === 404 ? 'version_not_found' : 'unavailable';
    throw new LeptonError(code, `this node cannot fetch the version: ${error.message}`, {
      cause: error,
      ...(code === 'unavailable' ? { retryAfterSeconds: 2 } : {}),
    });
  }
}
