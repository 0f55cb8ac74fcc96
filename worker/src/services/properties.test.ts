/** What must hold of cursors, weights and version digests whatever the input. */
import { type LeptonError, Manifest } from '@lepton-edge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseTarget, stickyPoint } from '../dispatch/choose-target.ts';
import { pageFrom, readCursor, readNumberCursor } from './page.ts';
import { versionDigest } from './versions/version-digest.ts';

describe('cursors', () => {
  const key = fc.string({ unit: 'grapheme', minLength: 1 });

  it('lead on from the item they name', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1 }), fc.integer({ min: 1, max: 5 }), (keys, limit) => {
        const all = [...keys].sort();
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const after = readCursor(cursor);
          const rows = all.filter((row) => after === undefined || row > after).slice(0, limit + 1);
          const page = pageFrom(
            rows,
            limit,
            (row) => row,
            (row) => row,
          );
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(all);
      }),
    );
  });

  it('that we did not give are refused or lead somewhere, without a fault of ours', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.base64String()), (text) => {
        for (const read of [readCursor, readNumberCursor]) {
          try {
            const value = read(text);
            if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_request' } satisfies Partial<LeptonError>);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('weights', () => {
  const targets = fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 16 })
    .chain((versions) =>
      fc.tuple(
        ...versions.map((version) =>
          fc.record({ version: fc.constant(version), weight: fc.double({ min: 1e-6, max: 1e6, noNaN: true }) }),
        ),
      ),
    );

  it('always choose one of the targets, each for its share of all points', () => {
    fc.assert(
      fc.property(targets, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (list, point) => {
        expect(list.map(({ version }) => version)).toContain(chooseTarget(list, point));
      }),
    );
    fc.assert(
      fc.property(targets, (list) => {
        const total = list.reduce((sum, { weight }) => sum + weight, 0);
        const points = 2000;
        for (const { version, weight } of list) {
          let hits = 0;
          for (let i = 0; i < points; i++) if (chooseTarget(list, i / points) === version) hits++;
          expect(Math.abs(hits / points - weight / total)).toBeLessThan(2 / points);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keep a caller where it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (caller) => {
        const point = stickyPoint(caller);
        expect(point >= 0 && point < 1).toBe(true);
        expect(stickyPoint(caller)).toBe(point);
      }),
    );
  });
});

describe('the digest of a version', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  const preprocessing = fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.jsonValue(),
    { maxKeys: 4 },
  );
  const of = (digest: string, more: object = {}) =>
    Manifest.parse({
      format: 'onnx',
      files: [{ path: 'model.onnx', digest: `sha256:${digest}`, sizeBytes: 1 }],
      inputs: [],
      outputs: [],
      ...more,
    });
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([k, v]) => [k, reversed(v)]),
          )
        : value;

  it('depends on what changes an answer, and on nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(hex, hex, preprocessing, async (one, two, stated) => {
        const first = await versionDigest(of(one, { preprocessing: stated }));
        expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
        expect(await versionDigest(of(one, { preprocessing: reversed(stated) }))).toBe(first);
        expect(await versionDigest(of(one, { preprocessing: stated, card: 'c', license: 'l' }))).toBe(first);
        if (one !== two) expect(await versionDigest(of(two, { preprocessing: stated }))).not.toBe(first);
        expect(await versionDigest(of(one, { preprocessing: { ...stated, more: 1, '': 2 } }))).not.toBe(first);
      }),
    );
  });
});
