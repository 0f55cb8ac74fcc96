/** Writes USE-lite's SentencePiece vocabulary as a tokenizer.json, as Hugging Face tokenizers read it. */
import { loadVocabulary, RESERVED, SPACE } from './sentence-piece.ts';

/** The first row of the model's embeddings that no piece of the vocabulary uses: 0, the original's unknown piece, is padding here. */
export const UNKNOWN_TOKEN = 8000;

/** The file's bytes, always the same. */
export async function buildTokenizerFile(): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = await loadVocabulary();
  const file = {
    version: '1.0',
    truncation: null,
    padding: {
      strategy: 'BatchLongest',
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: nameOf('pad'),
    },
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFKC' },
        { type: 'Prepend', prepend: SPACE },
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'always', split: true },
    model: {
      type: 'Unigram',
      unk_id: UNKNOWN_TOKEN,
      vocab: [
        ...pieces.map(([piece, score], id) =>
          id < RESERVED ? [nameOf(id === 0 ? 'pad' : id), 0] : [piece, score ?? 0],
        ),
        [nameOf('unk'), 0],
      ],
      byte_fallback: false,
    },
  };
  return new TextEncoder().encode(JSON.stringify(file));
}

/** A name that no normalized text holds, as NFKC leaves no U+00A0: the original cuts "<unk>" into pieces as any other text. */
function nameOf(reserved: string | number): string {
  return `<${reserved}\u00a0>`;
}
