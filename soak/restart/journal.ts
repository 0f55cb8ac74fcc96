/** What the writers were told: every acknowledged answer, and what is in doubt because no answer came. */
import { GatewayError } from '@lepton-edge/client';
import type { Access } from '@lepton-edge/protocol';

/** A value that was written: one after an acknowledged answer, several while it is in doubt which of them counts. */
export type Possible<T> = T[];

export interface VersionTry {
  /** Of the model's own file, which no other try has. */
  main: string;
  files: { path: string; digest: string }[];
  /** Undefined while it is in doubt whether it was made. */
  version: number | undefined;
}

export interface MoveTry {
  alias: string;
  /** No other move has it. */
  reason: string;
  /** Undefined for a rollback: the gateway decides. */
  targets: number[] | undefined;
  revision: number | undefined;
}

export interface ModelRecord {
  name: string;
  exists: Possible<boolean>;
  versions: VersionTry[];
  moves: MoveTry[];
  grants: Map<string, Possible<Access | undefined>>;
  archived: Map<number, Possible<boolean>>;
}

export interface FileRecord {
  digest: string;
  bytes: Uint8Array<ArrayBuffer>;
  upload: string | undefined;
  /** Acknowledged, by the time of the answer. */
  parts: Map<number, number>;
  /** When the gateway said last that the file is stored; undefined while it has not. */
  storedAt: number | undefined;
}

export interface Tally {
  acknowledged: number;
  refused: number;
  inDoubt: number;
}

export type Answered<T> = { ok: true; value: T } | { ok: false; inDoubt: boolean; code: string | undefined };

/** What the gateway was told of how long it keeps what nobody wants. */
export interface Limits {
  graceMs: number;
  uploadTtlMs: number;
}

/** Clocks, and the way there and back. */
const SLACK_MS = 1_000;

export class Journal {
  readonly limits: Limits;
  readonly tallies = new Map<string, Tally>();
  readonly violations: string[] = [];
  readonly models = new Map<string, ModelRecord>();
  readonly files = new Map<string, FileRecord>();
  /** Audit rows that must be there, and how often: `action subject …`. */
  readonly audited = new Map<string, number>();
  /** The gateway is being killed, or is dead. */
  dying = false;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** Whether a file that no version has must still be there. */
  mustBeStored({ storedAt }: FileRecord): boolean {
    return storedAt !== undefined && Date.now() < storedAt + this.limits.graceMs - SLACK_MS;
  }

  /** Whether an upload must still be there: its time counts from the last part. */
  mustBeOpen({ parts }: FileRecord): boolean {
    return parts.size > 0 && Date.now() < Math.max(...parts.values()) + this.limits.uploadTtlMs - SLACK_MS;
  }

  violate(sentence: string): void {
    if (!this.violations.includes(sentence)) this.violations.push(sentence);
  }

  /** Makes a call and counts its outcome; a refusal with another code than those, and any failure of a gateway alive, is a violation. */
  async attempt<T>(kind: string, mayRefuse: readonly string[], call: () => Promise<T>): Promise<Answered<T>> {
    const tally = this.tallies.get(kind) ?? { acknowledged: 0, refused: 0, inDoubt: 0 };
    this.tallies.set(kind, tally);
    try {
      const value = await call();
      tally.acknowledged++;
      return { ok: true, value };
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { status, code } = error;
      const inDoubt = status < 400 || status >= 500;
      tally[inDoubt ? 'inDoubt' : 'refused']++;
      const expected = inDoubt ? this.dying : mayRefuse.includes(code ?? '');
      if (!expected) this.violate(`${kind} was answered ${status} ${code ?? ''}: ${error.message}`);
      return { ok: false, inDoubt, code };
    }
  }

  /** An acknowledged change must have this row. */
  expectAudit(row: string): void {
    this.audited.set(row, (this.audited.get(row) ?? 0) + 1);
  }

  /** The models that are there for sure. */
  living(): ModelRecord[] {
    return [...this.models.values()].filter(({ exists }) => exists.every(Boolean));
  }

  addModel(name: string): ModelRecord {
    const model = { name, exists: [true], versions: [], moves: [], grants: new Map(), archived: new Map() };
    this.models.set(name, model);
    return model;
  }

  /** Writes down what a call that sets a value was answered. */
  settle<T>(possible: Possible<T>, value: T, answered: Answered<unknown>): void {
    if (answered.ok) possible.splice(0, possible.length, value);
    else if (answered.inDoubt && !possible.includes(value)) possible.push(value);
  }
}
