/** What a node's pins stand for now: versions, with the right to fetch them. */
import { LeptonError, PinClaims, parseReference, type WantedVersion } from '@lepton-edge/protocol';
import { decodeJwt, importJWK, jwtVerify } from 'jose';
import type { ServiceContext } from '../../context.ts';
import type { nodes } from '../../db/schema.ts';

const NOT_SIGNED = "the pins were not signed with the node's own key in the last minute: is its clock right?";

type Node = Pick<typeof nodes.$inferSelect, 'id' | 'issuer' | 'publicKey'>;

/**
 * References are resolved as the node's credential may infer, from what the isolate remembers of the registry.
 * @param request the pins, signed with the node's key: without its signature none is resolved
 */
export async function wantedBy(ctx: ServiceContext, node: Node, request: string): Promise<WantedVersion[]> {
  const { references, isSigned } = await read(node, request);
  if (!isSigned) return references.map((reference) => ({ reference, reason: NOT_SIGNED }));
  return (await Promise.all(references.map((reference) => resolve(ctx, node, reference)))).flat();
}

async function read(node: Node, request: string): Promise<{ references: string[]; isSigned: boolean }> {
  try {
    const { payload } = await jwtVerify(request, await importJWK(node.publicKey, 'EdDSA'), {
      algorithms: ['EdDSA'],
      audience: node.issuer,
      maxTokenAge: '60s',
    });
    return { references: referencesIn(payload), isSigned: true };
  } catch {
    return { references: referencesIn(decoded(request)), isSigned: false };
  }
}

function decoded(request: string): unknown {
  try {
    return decodeJwt(request);
  } catch {
    return undefined;
  }
}

function referencesIn(payload: unknown): string[] {
  return [...new Set(PinClaims.safeParse(payload).data?.pins ?? [])];
}

async function resolve(
  { gateway, principal, waitUntil }: ServiceContext,
  node: Node,
  reference: string,
): Promise<WantedVersion[]> {
  try {
    const versions = await gateway.directory.resolveAll(parseReference(reference), principal, waitUntil);
    return await Promise.all(
      versions.map(async ({ model, version, digest, state }) => {
        if (state !== 'ready') return { reference, reason: `version ${version} is ${state}` };
        const grant = await gateway.signer.grantToken(node, { model, version, digest });
        return { reference, model, version, digest, grant };
      }),
    );
  } catch (error) {
    if (error instanceof LeptonError) return [{ reference, reason: error.message }];
    throw error;
  }
}
