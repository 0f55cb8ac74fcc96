/** What must hold of names, manifests and weights whatever the input: tried on thousands that nobody thought of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PutAliasInput } from './aliases.ts';
import { LeptonError } from './errors.ts';
import { AliasName, Digest, ModelName, parseReference, VersionNumber } from './names.ts';
import { partCountOf, partLength } from './uploads.ts';
import { CreateVersionInput, ManifestInput } from './versions.ts';

const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const alias = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/).filter((text) => text !== 'latest');
const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/);
/** Anything JSON can say, and strings like those that matter here. */
const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  name,
  fc.jsonValue().map((value) => JSON.stringify(value)),
);

describe('names', () => {
  it('are read back from every reference that is made of them', () => {
    fc.assert(
      fc.property(name, alias, fc.integer({ min: 1, max: 999_999_999 }), (model, to, version) => {
        expect(parseReference(model)).toEqual({ model });
        expect(parseReference(`${model}@${to}`)).toEqual({ model, alias: to });
        expect(parseReference(`${model}@${version}`)).toEqual({ model, version });
        expect(VersionNumber.parse(String(version))).toBe(version);
      }),
    );
  });

  it('are refused with a sentence or accepted, and never anything else', () => {
    fc.assert(
      fc.property(anything, (text) => {
        try {
          const { model, alias: to, version } = parseReference(text);
          expect(ModelName.safeParse(model).success).toBe(true);
          const target = version ?? to;
          expect(target === undefined ? model : `${model}@${target}`).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(LeptonError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('mean the same in a URL', () => {
    fc.assert(
      fc.property(name, alias, (model, to) => {
        const url = new URL(`http://h/v2/models/${encodeURIComponent(`${model}@${to}`)}/infer`);
        expect(decodeURIComponent(url.pathname.split('/')[3] ?? '')).toBe(`${model}@${to}`);
        expect(AliasName.safeParse(to).success).toBe(true);
      }),
    );
  });
});

describe('digests', () => {
  it('have one form', () => {
    fc.assert(
      fc.property(fc.oneof(digest, anything), (text) => {
        expect(Digest.safeParse(text).success).toBe(/^sha256:[0-9a-f]{64}$/.test(text));
      }),
    );
  });
});

describe('manifests', () => {
  const path = fc.stringMatching(/^[a-z0-9_][a-z0-9_-]{0,20}(\.[a-z]{1,4})?$/);
  const spec = fc.record({
    name: fc.string({ minLength: 1, maxLength: 20 }),
    datatype: fc.constantFrom('FP32' as const, 'INT64' as const, 'BYTES' as const),
    shape: fc.array(fc.integer({ min: -1, max: 1000 }), { maxLength: 5 }),
  });
  const manifest = fc.record(
    {
      task: fc.constantFrom('tensor', 'embedding', 'speech'),
      files: fc.array(fc.record({ path, digest, sizeBytes: fc.nat() }), { minLength: 1, maxLength: 3 }),
      inputs: fc.array(spec, { maxLength: 3 }),
      labels: fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 }),
      card: fc.string({ unit: 'binary', maxLength: 100 }),
      placement: fc.record({ policy: fc.constantFrom('auto' as const, 'edge' as const, 'node' as const) }),
      preprocessing: fc.dictionary(
        fc.string({ maxLength: 10 }).filter((key) => key !== '__proto__'),
        fc.jsonValue(),
        { maxKeys: 3 },
      ),
    },
    { requiredKeys: [] },
  );

  it('come out of JSON as they went in, complete', () => {
    fc.assert(
      fc.property(manifest, (stated) => {
        const parsed = ManifestInput.parse(JSON.parse(JSON.stringify(stated)));
        expect(parsed).toMatchObject(JSON.parse(JSON.stringify(stated)));
        expect(ManifestInput.parse(parsed)).toEqual(parsed);
        expect(parsed.cache).toEqual({ ttlSeconds: 3600, scope: 'team' });
      }),
    );
  });

  it('are judged, whatever comes, without a fault of ours', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        for (const schema of [ManifestInput, CreateVersionInput, PutAliasInput]) {
          const { success, error } = schema.safeParse(value);
          if (!success) expect(error.issues.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('name no file outside of their own', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', ':', '~', '\0', '%', ' ') }), (text) => {
        const files = [{ path: text, digest: `sha256:${'0'.repeat(64)}` }];
        if (!CreateVersionInput.safeParse({ files }).success) return;
        expect(text).not.toMatch(/\.\.|^\/|\\|:|~|\0|%/);
        expect(new URL(text, 'file:///root/version/').pathname.startsWith('/root/version/')).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parts', () => {
  it('add up to the file', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * 1024 ** 3 }), (sizeBytes) => {
        const count = partCountOf(sizeBytes);
        const lengths = Array.from({ length: count }, (_, i) => partLength(sizeBytes, i + 1));
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(sizeBytes);
        expect(lengths.every((length) => length > 0)).toBe(true);
      }),
    );
  });
});
