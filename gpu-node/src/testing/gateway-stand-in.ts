/** A gateway over real HTTP, as far as a node can see one: joins, heartbeats, versions, blobs and keys, with faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Admission,
  CHALLENGE_PATH,
  GRANT_HEADER,
  Heartbeat,
  type HeartbeatAnswer,
  JoinInput,
  Manifest,
  type ManifestInput,
  type Version,
  type WantedVersion,
} from '@lepton-edge/protocol';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import type { z } from 'zod';

export const NODE_ID = 'node_01TEST';
export const GRANT = 'a-grant';

interface BlobFaults {
  /** Breaks the connection after so many bytes, once. */
  breakAfterOnce?: number;
  /** Sends these bytes instead. */
  replacement?: Buffer;
}

export class GatewayStandIn {
  readonly url: string;
  readonly #server: Server;
  readonly #key: CryptoKey;
  readonly #publicJwk: object;
  readonly #versions = new Map<string, Version>();
  readonly #blobs = new Map<string, Buffer>();
  readonly tokens = new Set(['join-token']);
  readonly heartbeats: Heartbeat[] = [];
  joins: z.output<typeof JoinInput>[] = [];
  credential = 'credential-1';
  /** Of each call that was let in: its credential. */
  readonly shown: string[] = [];
  /** What it answers to heartbeats. */
  says: Partial<HeartbeatAnswer> = {};
  /** What it gives for the asking, and then also takes. */
  nextCredential: string | undefined;
  /** What it says that the pins of a node stand for. */
  wanted: WantedVersion[] = [];
  /** Answers the next heartbeat with this status instead. */
  heartbeatStatusOnce: number | undefined;
  /** Of each blob request: its Range header. */
  ranges: (string | undefined)[] = [];
  faults: BlobFaults = {};
  #watchers: (() => void)[] = [];

  private constructor(server: Server, key: CryptoKey, publicJwk: object) {
    this.#server = server;
    this.#key = key;
    this.#publicJwk = publicJwk;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<GatewayStandIn> {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const standIn = new GatewayStandIn(server, privateKey, {
      ...(await exportJWK(publicKey)),
      kid: 'k1',
      alg: 'EdDSA',
    });
    server.on('request', (request, response) => {
      standIn.#handle(request, response).catch((error) => response.destroy(error));
    });
    return standIn;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Registers a version of one file. */
  publish(
    model: string,
    file: Buffer,
    manifest: Pick<ManifestInput, 'inputs' | 'outputs' | 'batching'>,
    admission?: Admission,
  ): Version {
    const digest = sha256(file);
    const files = [{ path: 'model.onnx', digest, sizeBytes: file.byteLength }];
    const version: Version = {
      model,
      version: 1,
      state: 'ready',
      digest: sha256(Buffer.from(`${model} ${digest}`)),
      sizeBytes: file.byteLength,
      manifest: Manifest.parse({ ...manifest, format: 'onnx', files }),
      ...(admission ? { admission } : {}),
      createdAt: new Date(0).toISOString(),
      createdBy: 'test',
    };
    this.#versions.set(`/api/models/${model}/versions/1`, version);
    this.#blobs.set(digest, file);
    return version;
  }

  /** A token as the gateway signs them; what is given replaces its claims. */
  async sign(
    claims: { iss?: string; aud?: string; iat?: number; exp?: number } = {},
    key = this.#key,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return await new SignJWT({ iss: this.url, aud: NODE_ID, iat: now, exp: now + 60, ...claims })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .sign(key);
  }

  /** Resolves once a heartbeat has come that fits. */
  async heartbeat(fits: (beat: Heartbeat) => boolean): Promise<Heartbeat> {
    for (;;) {
      const found = this.heartbeats.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url ?? '');
    if (path === '/.well-known/jwks.json') return answer(response, 200, { keys: [this.#publicJwk] });
    if (path === '/api/nodes/join') return await this.#join(await readJson(request), response);
    const shown = request.headers.authorization?.replace('Bearer ', '');
    if (shown === undefined || ![this.credential, this.nextCredential].includes(shown))
      return problem(response, 401, 'wrong credential');
    this.shown.push(shown);
    if (path === `/api/nodes/${NODE_ID}/credential`) return answer(response, 201, { credential: this.nextCredential });
    if (path === `/api/nodes/${NODE_ID}/heartbeat`) return this.#beat(await readJson(request), response);
    if (request.headers[GRANT_HEADER] !== GRANT) return problem(response, 403, 'no grant');
    const version = this.#versions.get(path);
    if (version) return answer(response, 200, version);
    const digest = path.replace('/api/blobs/', '');
    const blob = this.#blobs.get(digest);
    if (!blob) return problem(response, 404, `nothing at ${path}`);
    return this.#send(blob, request, response);
  }

  async #join(body: unknown, response: ServerResponse): Promise<void> {
    const input = JoinInput.parse(body);
    if (!this.tokens.delete(input.token)) return problem(response, 401, 'the join token is used');
    const nonce = crypto.randomUUID();
    const called = await fetch(`${input.url}${CHALLENGE_PATH}`, {
      method: 'POST',
      body: JSON.stringify({ nonce, audience: this.url }),
    });
    const { proof } = (await called.json()) as { proof: string };
    const options = { audience: this.url, algorithms: ['EdDSA'], maxTokenAge: 60 };
    const { payload } = await jwtVerify(proof, await importJWK(input.publicKey, 'EdDSA'), options);
    if (payload.nonce !== nonce) return problem(response, 422, 'another nonce');
    this.joins.push(input);
    answer(response, 201, { id: NODE_ID, credential: this.credential, issuer: this.url });
  }

  #beat(body: unknown, response: ServerResponse): void {
    const status = this.heartbeatStatusOnce;
    this.heartbeatStatusOnce = undefined;
    if (status !== undefined) {
      problem(response, status, 'as told');
      return;
    }
    const beat = Heartbeat.parse(body);
    this.heartbeats.push(beat);
    for (const watcher of this.#watchers.splice(0)) watcher();
    const wanted = beat.pins ? { wanted: this.wanted } : {};
    answer(response, 200, { id: NODE_ID, receivedAt: new Date().toISOString(), ...wanted, ...this.says });
  }

  #send(blob: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const { range } = request.headers;
    this.ranges.push(range);
    const offset = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const bytes = (this.faults.replacement ?? blob).subarray(offset);
    response.writeHead(range ? 206 : 200, { 'content-length': bytes.byteLength });
    const { breakAfterOnce } = this.faults;
    if (breakAfterOnce === undefined) {
      response.end(bytes);
      return;
    }
    delete this.faults.breakAfterOnce;
    // The end of the connection must not overtake what was sent before it.
    response.write(bytes.subarray(0, breakAfterOnce), () => setTimeout(() => response.destroy(), 50));
  }
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, detail: string): void {
  const code = { 401: 'unauthenticated', 404: 'node_not_found' }[status] ?? 'test';
  answer(response, status, { type: 'about:blank', title: 'no', status, detail, code, requestId: 'r' });
}
