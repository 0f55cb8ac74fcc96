/** USE-lite as a text model: through its tokenizer.json, its manifest and ONNX Runtime, as the gateway runs it. */
import { readFile } from 'node:fs/promises';
import { ManifestInput } from '@lepton-edge/protocol';
import { embed, loadTokenizer } from '@lepton-edge/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../test/support/ort-model.ts';
import { similarity, useLite, useLiteInt8 } from './index.ts';
import reference from './reference.generated.json' with { type: 'json' };
import { loadSentencePiece, UNKNOWN } from './sentence-piece.ts';
import { buildTokenizerFile, UNKNOWN_TOKEN } from './tokenizer-file.ts';

const { tokenizer: spec, embedding } = ManifestInput.parse(useLite.manifest);
if (!spec || !embedding) throw new Error('the manifest has no tokenizer or no embedding');
const file = await buildTokenizerFile();
const tokenizer = loadTokenizer(file, spec);
const original = reference.texts.map(({ text, embedding: base64 }) => ({
  text,
  vector: new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer),
}));

describe('embeddings', () => {
  it.each([
    [useLite, 0.999999],
    [useLiteInt8, 0.98],
  ])('are where the original has them, one by one and in padded batches %#', async (example, nearest) => {
    const model = await modelOf(await example.build());
    const items = original.map(({ text }) => tokenizer.encode(text));
    for (const tokenBudget of [1, 4096]) {
      const vectors = await embed(items, { tokenizer, embedding, ...model, tokenBudget, maxBatchSize: 32 });
      original.forEach(({ vector }, i) => {
        expect(vector).toHaveLength(512);
        expect(similarity(vectors[i] as Float32Array, vector)).toBeGreaterThan(nearest);
      });
    }
  });
});

describe('the tokenizer.json', () => {
  const unlimited = loadTokenizer(file, { ...spec, maxTokens: 10_000 });

  it('gives the ids of the example’s own tokenizer: English', async () => {
    const pieces = await loadSentencePiece();
    const pages = [
      'README.md',
      'AGENTS.md',
      'docs/api.md',
      'docs/registry.md',
      'docs/storage.md',
      'examples/README.md',
    ];
    const texts = await Promise.all(pages.map((page) => readFile(new URL(`../../${page}`, import.meta.url), 'utf8')));
    const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(300);
    for (const line of lines) expect([line, unlimited.encode(line)]).toEqual([line, own(pieces.encode(line))]);
  });

  it('gives the ids of the example’s own tokenizer: anything', async () => {
    const pieces = await loadSentencePiece();
    const parts = [
      'the',
      'a',
      'b',
      '...',
      '!',
      '=',
      ' ',
      '\u00a0',
      '▁',
      '<unk>',
      'ﬁ',
      '½',
      'é',
      'e\u0301',
      '你',
      'ر',
      '👋🏽',
      ':)',
      '\n',
      '\ud83d',
    ];
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(unlimited.encode(text)).toEqual(own(pieces.encode(text)));
      }),
      { numRuns: 2000 },
    );
  });
});

function own(ids: number[]): number[] {
  return ids.map((id) => (id === UNKNOWN ? UNKNOWN_TOKEN : id));
}
