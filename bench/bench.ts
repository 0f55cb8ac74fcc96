/** What a subject of the benchmark measures with: gateways of its own, load, and a folder; all of it ended and removed afterwards. */
import { join } from 'node:path';
import { type GatewayOptions, SoakGateway } from '../soak/support/gateway.ts';
import { findFreePort } from '../standalone/src/preflight.ts';
import type { HttpLoad } from './http-load.ts';
import { LineProcess } from './line-process.ts';
import type { Round, RoundResult } from './load.ts';
import type { Flood, FloodResult } from './open-loop.ts';
import { bytesOf, type Call } from './raw-connection.ts';
import type { Measured } from './row.ts';

/** Answers the rows of one subject. */
export type Subject = (bench: Bench) => Promise<Measured[]>;

export interface BenchOptions {
  /** Empty; removed by its owner. */
  folder: string;
  rounds: number;
  /** How long one side of a round is watched. */
  windowMs: number;
  http: HttpLoad;
  say: (line: string) => void;
}

export type CallerRound = Omit<Round, 'url' | 'calls'> & { calls: readonly Call[] };

export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly rounds: number;
  readonly windowMs: number;
  readonly http: HttpLoad;
  readonly say: (line: string) => void;
  readonly #stack = new AsyncDisposableStack();
  #callers: LineProcess | undefined;
  #flood: LineProcess | undefined;

  constructor({ folder, rounds, windowMs, http, say }: BenchOptions) {
    this.folder = folder;
    this.rounds = rounds;
    this.windowMs = windowMs;
    this.http = http;
    this.say = say;
  }

  /** Is to be stopped, whatever happens; what is owned last ends first. */
  own<T extends { stop(): Promise<unknown> }>(thing: T): T {
    this.#stack.defer(async () => void (await thing.stop()));
    return thing;
  }

  /** One that serves, on `folder/name`. */
  async gateway(name: string, options: Partial<Omit<GatewayOptions, 'home' | 'port'>> = {}): Promise<SoakGateway> {
    const home = join(this.folder, name);
    const gateway = new SoakGateway({ nodes: 0, vars: {}, ...options, home, port: await findFreePort() });
    this.#stack.defer(() => gateway.destroy());
    await gateway.start();
    return gateway;
  }

  /** Callers on connections of their own, in a process of their own: for latencies. */
  async callers(url: string, { calls, ...round }: CallerRound): Promise<RoundResult> {
    this.#callers ??= this.own(LineProcess.start('bench/load.ts'));
    const bytes = calls.map((call) => bytesOf(url, call).toString('base64'));
    return await this.#callers.ask<RoundResult>({ url, calls: bytes, ...round } satisfies Round);
  }

  /** Calls at a fixed rate, whatever comes of them. */
  async flood(url: string, call: Call, perSecond: number, ms: number): Promise<FloodResult> {
    this.#flood ??= this.own(LineProcess.start('bench/open-loop.ts'));
    const bytes = bytesOf(url, call).toString('base64');
    return await this.#flood.ask<FloodResult>({ url, call: bytes, perSecond, ms } satisfies Flood);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
