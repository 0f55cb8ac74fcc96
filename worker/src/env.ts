/** The Worker's bindings, and its settings checked once. */
import { LeptonError } from '@lepton-edge/protocol';
import { z } from 'zod';
import type { FleetHub } from './hubs/fleet-hub.ts';
import type { Janitor } from './hubs/janitor.ts';
import type { MetricsHub } from './hubs/metrics-hub.ts';
import type { QuotaLedger } from './hubs/quota-ledger.ts';
import type TrialWorker from './trial/trial-worker.ts';

/** What wrangler.toml binds. */
export interface Env {
  DB: D1Database;
  BLOBS: R2Bucket;
  ASSETS: Fetcher;
  FLEET: DurableObjectNamespace<FleetHub>;
  TRIAL: Service<typeof TrialWorker>;
  JANITOR: DurableObjectNamespace<Janitor>;
  METRICS: DurableObjectNamespace<MetricsHub>;
  QUOTAS: DurableObjectNamespace<QuotaLedger>;
  /** The way to nodes, where it is not the platform's own `fetch`. */
  NETWORK?: Fetcher;
  GATEWAY_KEYS?: string;
  CORS_ORIGINS?: string;
  ALLOW_PRIVATE_NODES?: string;
  /** Whether the isolates of a colo share what they know, by the Cache API. */
  COLO_CACHE?: string;
  /** How long files that no version has are kept, in seconds. */
  GC_GRACE_SECONDS?: string;
  /** How long an upload waits for its next part, in seconds. */
  UPLOAD_TTL_SECONDS?: string;
  /** How many versions of a team may be in admission at a time. */
  MAX_ADMITTING_PER_TEAM?: string;
  /** Whether requests pass while the ledger of their key's quota cannot be reached: `open` or `closed`. */
  QUOTA_LEDGER_AWAY?: string;
  /** "on": a line in the log for each request of the data plane. */
  ACCESS_LOG?: string;
  /** Where spans are sent: the base address of an OTLP/HTTP collector. */
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  /** Sent along, as `name=value` separated by commas, values percent-encoded. Secret. */
  OTEL_EXPORTER_OTLP_HEADERS?: string;
  /** Of traces that begin here: which part is recorded, 0 to 1. */
  OTEL_TRACES_SAMPLER_ARG?: string;
  OTEL_SERVICE_NAME?: string;
  /** The gateway's own address, where it is not the one requests come to. */
  PUBLIC_URL?: string;
}

/** A private Ed25519 key (RFC 8037) that the gateway signs with. */
const SigningKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1),
  x: z.string(),
  d: z.string(),
});
export type SigningKey = z.infer<typeof SigningKey>;

const Otlp = z.object({
  endpoint: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string()),
  ratio: z.number().min(0).max(1),
  serviceName: z.string().min(1),
});

const Settings = z.object({
  signingKeys: z.array(SigningKey),
  corsOrigins: z.array(z.url()),
  allowPrivateNodes: z.boolean(),
  coloCache: z.boolean(),
  gcGraceMs: z.number().min(0),
  uploadTtlMs: z.number().min(1000),
  maxAdmittingPerTeam: z.number().int().min(1),
  quotaLedgerAway: z.enum(['open', 'closed']),
  publicUrl: z.url().optional(),
  accessLog: z.boolean(),
  /** Undefined: no spans are made. */
  otlp: Otlp.optional(),
});
export type Settings = z.infer<typeof Settings>;

/** @throws LeptonError `unavailable` naming the settings at fault, never their values. */
export function readSettings(env: Env): Settings {
  const parsed = Settings.safeParse({
    signingKeys: parseKeys(env.GATEWAY_KEYS),
    corsOrigins: (env.CORS_ORIGINS ?? '')
      .split(',')
      .map((origin) => origin.trim())
      .filter(Boolean),
    allowPrivateNodes: env.ALLOW_PRIVATE_NODES === 'true',
    coloCache: env.COLO_CACHE !== 'false',
    gcGraceMs: Number(env.GC_GRACE_SECONDS ?? 86_400) * 1000,
    uploadTtlMs: Number(env.UPLOAD_TTL_SECONDS ?? 86_400) * 1000,
    maxAdmittingPerTeam: Number(env.MAX_ADMITTING_PER_TEAM ?? 100),
    quotaLedgerAway: env.QUOTA_LEDGER_AWAY || 'open',
    publicUrl: env.PUBLIC_URL || undefined,
    accessLog: env.ACCESS_LOG === 'on',
    otlp: env.OTEL_EXPORTER_OTLP_ENDPOINT ? otlpOf(env, env.OTEL_EXPORTER_OTLP_ENDPOINT) : undefined,
  });
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.')))];
  throw new LeptonError('unavailable', `the gateway is configured wrongly: ${fields.join(', ')}`);
}

function otlpOf(env: Env, endpoint: string): unknown {
  return {
    endpoint,
    headers: parseHeaders(env.OTEL_EXPORTER_OTLP_HEADERS),
    ratio: Number(env.OTEL_TRACES_SAMPLER_ARG || 1),
    serviceName: env.OTEL_SERVICE_NAME || 'lepton-edge',
  };
}

/** As OpenTelemetry writes them in a variable: W3C Baggage without properties. */
function parseHeaders(text = ''): unknown {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  try {
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
      }),
    );
  } catch {
    return undefined;
  }
}

function parseKeys(text: string | undefined): unknown {
  if (!text) return [];
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
