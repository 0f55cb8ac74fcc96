/** A client of one gateway: the control plane (`/api`) and inference (`/v2`), for browsers, Node and Workers. */
import { aliasCalls } from './aliases.ts';
import { blobCalls } from './blobs.ts';
import { GatewayError } from './errors.ts';
import {
  type InferJsonOptions,
  type InferOptions,
  type InferResult,
  infer,
  inferJson,
  type TensorInput,
} from './infer.ts';
import { grantCalls, modelCalls } from './models.ts';
import { nodeCalls } from './nodes.ts';
import { auditCalls, keyCalls, teamCalls } from './tenancy.ts';
import { type Call, type ClientOptions, seg, Transport } from './transport.ts';
import { uploadCalls } from './uploads.ts';
import { versionCalls } from './versions.ts';

/** Every method throws a GatewayError when the gateway refuses, fails or cannot be reached. */
export class LeptonClient {
  readonly baseUrl: string;
  readonly #http: Transport;
  readonly models: ReturnType<typeof modelCalls>;
  readonly grants: ReturnType<typeof grantCalls>;
  readonly versions: ReturnType<typeof versionCalls>;
  readonly aliases: ReturnType<typeof aliasCalls>;
  readonly uploads: ReturnType<typeof uploadCalls>;
  readonly blobs: ReturnType<typeof blobCalls>;
  readonly nodes: ReturnType<typeof nodeCalls>;
  readonly teams: ReturnType<typeof teamCalls>;
  readonly keys: ReturnType<typeof keyCalls>;
  readonly audit: ReturnType<typeof auditCalls>;

  constructor(options: ClientOptions) {
    const http = new Transport(options);
    this.baseUrl = http.baseUrl;
    this.#http = http;
    this.models = modelCalls(http);
    this.grants = grantCalls(http);
    this.versions = versionCalls(http);
    this.aliases = aliasCalls(http);
    this.uploads = uploadCalls(http);
    this.blobs = blobCalls(http);
    this.nodes = nodeCalls(http);
    this.teams = teamCalls(http);
    this.keys = keyCalls(http);
    this.audit = auditCalls(http);
  }

  /** Sends a request; the answer is returned only when its status is one of success. */
  send(path: string, call: Call = {}): Promise<Response> {
    return this.#http.send(path, call);
  }

  /** Runs a model: `ref` is `name`, `name@alias` or `name@3`. */
  infer(ref: string, inputs: TensorInput[], options: InferOptions = {}): Promise<InferResult> {
    return infer((path, call) => this.send(path, call), ref, inputs, options);
  }

  /** Runs a model on a request that is already written in the protocol's JSON. */
  inferJson(ref: string, body: string, options: InferJsonOptions = {}): Promise<InferResult> {
    return inferJson((path, call) => this.send(path, call), ref, body, options);
  }

  /** Whether an inference on `ref` would work now. */
  async ready(ref: string): Promise<boolean> {
    try {
      await this.send(`/v2/models/${seg(ref)}/ready`, { retries: 0 });
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.status !== 401 && error.status !== 403) return false;
      throw error;
    }
  }
}
