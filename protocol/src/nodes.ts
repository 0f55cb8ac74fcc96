/** Nodes: how a gpu-node joins a gateway and what it reports of itself. */
import { z } from 'zod';
import { Labels } from './models.ts';
import { Digest } from './names.ts';

/** A node reports this often; one silent for `NODE_LOST_AFTER_MS` gets no more work. */
export const HEARTBEAT_INTERVAL_MS = 2_000;
export const NODE_LOST_AFTER_MS = 6_000;

/** Headers of a call the gateway delegates to a node. */
export const DIGEST_HEADER = 'x-lepton-digest';
/** A short-lived JWT of the gateway that lets the node read one version's manifest and files. */
export const GRANT_HEADER = 'x-lepton-grant';
/** The team whose request it is; beside it come the caller's timeout, as far as it is left, and priority. */
export const TENANT_HEADER = 'x-lepton-tenant';
/** Where a node proves that its address is its own: `POST {nonce}` → `{proof}`. */
export const CHALLENGE_PATH = '/.well-known/lepton-node';

const NodeName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'expected 1 to 63 of a-z, 0-9, ".", "_" and "-"');
/** Paths are put behind it, so that it must end where they begin; what names a user would travel with every call. */
const NodeUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .regex(/^[^?#@]*$/, 'expected an address without "?", "#" and "@"');

export const CreateNodeTokenInput = z.strictObject({
  /** How many joins it is good for; one where it is not said. */
  uses: z.number().int().min(1).max(1000).default(1),
  /** At most a year away; in an hour where it is not said. */
  expiresAt: z.iso.datetime().optional(),
});
export type CreateNodeTokenInput = z.input<typeof CreateNodeTokenInput>;

/** A join token as operators see it. */
export const NodeToken = z.object({
  id: z.string(),
  uses: z.number().int(),
  /** How many joins there were by it; the audit log has them one by one. */
  used: z.number().int(),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string(),
  revokedAt: z.string().optional(),
});
export type NodeToken = z.infer<typeof NodeToken>;

/** What making it answers: the only time that it can be read. */
export const IssuedNodeToken = NodeToken.extend({ token: z.string() });
export type IssuedNodeToken = z.infer<typeof IssuedNodeToken>;

/** The node's public key, an Ed25519 JWK (RFC 8037). */
export const NodePublicKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
});
export type NodePublicKey = z.infer<typeof NodePublicKey>;

/** Of a process of the node: made when it starts, later ones sort behind earlier ones. */
const NodeInstance = z.string().min(1).max(64);

export const JoinInput = z.strictObject({
  token: z.string().min(1).max(200),
  name: NodeName,
  /** Where the gateway reaches the node. */
  url: NodeUrl,
  publicKey: NodePublicKey,
  instance: NodeInstance.optional(),
  region: z.string().max(64).optional(),
  labels: Labels.default({}),
});
export type JoinInput = z.input<typeof JoinInput>;

export const JoinAnswer = z.object({
  id: z.string(),
  /** Bearer credential for heartbeats and downloads. */
  credential: z.string(),
  /** What the gateway signs as `iss`; its keys are at `<issuer>/.well-known/jwks.json`. */
  issuer: z.string(),
});
export type JoinAnswer = z.infer<typeof JoinAnswer>;

export const EngineReport = z.strictObject({
  name: z.string().max(64),
  device: z.string().max(200),
  /** Where the device is a WebGPU adapter. */
  adapter: z
    .strictObject({
      vendor: z.string().max(64),
      architecture: z.string().max(64),
      /** Whether it computes on the CPU. */
      software: z.boolean(),
      features: z.array(z.string().max(64)).max(64),
    })
    .optional(),
});
export type EngineReport = z.infer<typeof EngineReport>;

export const LoadedModel = z.strictObject({
  model: z.string().max(63),
  version: z.number().int().positive(),
  digest: Digest,
  /** What its requests took lately; absent while there were none. */
  recent: z
    .strictObject({
      /** Of the engine's time, a request's share. */
      requestMs: z.number().nonnegative(),
      /** From a request's arrival to its answer, in the mean. */
      meanMs: z.number().nonnegative(),
    })
    .optional(),
});
export type LoadedModel = z.infer<typeof LoadedModel>;

/**
 * How far a node is with what it is to keep loaded. `unresolved`: the reference names nothing that could run; `wanted`: nothing has
 * begun yet; `failed`: it is tried again at `nextTryAt`.
 */
export const PinReport = z.strictObject({
  /** As the node was told it: `name`, `name@alias` or `name@3`. */
  reference: z.string().max(128),
  /** Absent for what is unresolved. */
  version: z.number().int().positive().optional(),
  state: z.enum(['unresolved', 'wanted', 'downloading', 'loading', 'warming', 'ready', 'failed']),
  reason: z.string().max(1000).optional(),
  nextTryAt: z.string().max(40).optional(),
});
export type PinReport = z.infer<typeof PinReport>;

export const MAX_PINS = 64;

/** The claims of `HeartbeatPins.request`. */
export const PinClaims = z.object({ pins: z.array(z.string().max(128)).max(MAX_PINS) });

/** What a node is to keep loaded. */
export const HeartbeatPins = z.strictObject({
  /** A JWT with the references, signed with the node's own key: its credential alone must open no model. */
  request: z.string().max(16_384),
  states: z.array(PinReport).max(1000),
});

/** A version that a node is to keep loaded, with the right to fetch it; or why a reference stands for none. */
export const WantedVersion = z.union([
  z.object({ reference: z.string(), model: z.string(), version: z.number().int(), digest: Digest, grant: z.string() }),
  z.object({ reference: z.string(), reason: z.string() }),
]);
export type WantedVersion = z.infer<typeof WantedVersion>;

export const Heartbeat = z.strictObject({
  url: NodeUrl,
  instance: NodeInstance.optional(),
  softwareVersion: z.string().max(64),
  /** Where the node stands, and what else is said of it; what it joined with, where these are absent. */
  region: z.string().max(64).optional(),
  labels: Labels.optional(),
  /** How far the node's clock is ahead of the gateway's, as the node measured it. */
  clockSkewMs: z.number().int().optional(),
  /** `draining`: it leaves, and finishes what it has. `stopped`: it has left, and this is its last report. */
  state: z.enum(['ready', 'draining', 'stopped']),
  engines: z.array(EngineReport).max(16),
  loaded: z.array(LoadedModel).max(1000),
  inFlight: z.number().int().nonnegative(),
  queued: z.number().int().nonnegative(),
  rssBytes: z.number().int().nonnegative(),
  pins: HeartbeatPins.optional(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

export const HeartbeatAnswer = z.object({
  id: z.string(),
  /** On the gateway's clock. */
  receivedAt: z.string(),
  /** Whether an operator took the node out of work: it stays, and gets none until it is resumed. */
  drained: z.boolean().optional(),
  /** How long a node that leaves may still be sent work, which others would do as well. */
  handoverMs: z.number().int().nonnegative().optional(),
  /** Whether the node is to get itself a new credential: `POST /api/nodes/{id}/credential`. */
  rotate: z.boolean().optional(),
  /** Set while another process reports as this node, with a copy of its home. `newer`: whether this one began later. */
  duplicate: z.object({ url: z.string(), newer: z.boolean() }).optional(),
  /** What its pins stand for now; absent where it has none, and where that cannot be told now. */
  wanted: z.array(WantedVersion).optional(),
});
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;

/** A node's next credential. The one it was asked with counts until this one is used. */
export const NodeCredential = z.object({ credential: z.string() });
export type NodeCredential = z.infer<typeof NodeCredential>;

/**
 * A node as operators see it. `draining`: it finishes what it has, because it leaves or because it was told to. `stopped`: it
 * has left in order. `lost`: silent for longer than `NODE_LOST_AFTER_MS`.
 */
export const Node = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  state: z.enum(['ready', 'draining', 'stopped', 'lost']),
  /** Whether an operator took it out of work; it stays so, also when it is started again, until it is resumed. */
  drained: z.boolean(),
  /** What an operator should know, a sentence each: a wrong clock, two processes with one identity. */
  warnings: z.array(z.string()),
  region: z.string().optional(),
  labels: Labels,
  joinedAt: z.string(),
  lastSeenAt: z.string().optional(),
  softwareVersion: z.string().optional(),
  engines: z.array(EngineReport),
  loaded: z.array(LoadedModel),
  inFlight: z.number().int(),
  queued: z.number().int(),
  rssBytes: z.number().int(),
  /** How far its clock is ahead of the gateway's. */
  clockSkewMs: z.number().int().optional(),
  /** What it is to keep loaded, and how far it is with that. */
  pins: z.array(PinReport),
});
export type Node = z.infer<typeof Node>;
