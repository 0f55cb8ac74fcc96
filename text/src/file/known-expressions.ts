/**
 * The regular expressions in the tokenizer.json of well-known models. Each takes time in proportion to the text: wherever one of its
 * alternatives fails after a long way, another takes all of that way.
 */
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const UPPER = '\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}';
const LOWER = '\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}';
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const CL100K = (digits: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;

export const KNOWN_EXPRESSIONS: ReadonlySet<string> = new Set([
  // GPT-4 and Llama 3; Qwen 2 and 3.
  CL100K('\\p{N}{1,3}'),
  CL100K('\\p{N}'),
  // GPT-4o.
  [
    `[^\\r\\n\\p{L}\\p{N}]?[${UPPER}]*[${LOWER}]+${CONTRACTIONS}?`,
    `[^\\r\\n\\p{L}\\p{N}]?[${UPPER}]+[${LOWER}]*${CONTRACTIONS}?`,
    `\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
  ].join('|'),
  // GPT-2, where it is not built in, and CLIP.
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
  // XLM-RoBERTa, T5 and others that put spaces together.
  ' {2,}',
  '\\s+',
]);
