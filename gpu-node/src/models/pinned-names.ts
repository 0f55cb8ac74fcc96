/** What pins stand for on a node alone: what its names stand for. */
import { LeptonError, parseReference } from '@lepton-edge/protocol';
import type { Catalogue } from './catalogue.ts';
import type { Unresolved, Wanted } from './pins.ts';

/** @returns what is wanted, and what stands for nothing; never rejects */
export async function standFor(
  references: readonly string[],
  catalogue: Pick<Catalogue, 'resolve' | 'digestOf'>,
): Promise<[Wanted[], Unresolved[]]> {
  const wanted: Wanted[] = [];
  const unresolved: Unresolved[] = [];
  for (const reference of references) {
    try {
      const named = catalogue.resolve(parseReference(reference));
      const digest = await catalogue.digestOf(named);
      if (digest !== undefined) wanted.push({ reference, target: { ...named, digest } });
    } catch (error) {
      const reason = error instanceof LeptonError ? error.message : String(error);
      unresolved.push({ reference, reason });
    }
  }
  return [wanted, unresolved];
}
