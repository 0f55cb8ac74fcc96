/** Checks what a tokenizer.json does before and after its model: normalizer, pre-tokenizer and post-processor. */
import { unsafeBecause } from '../safe-pattern.ts';
import { checkContent, type Fields, fieldsOf, quote, refuse } from './fields.ts';
import { KNOWN_EXPRESSIONS } from './known-expressions.ts';

const MAX_STEPS = 32;
/** How many times as long as the text its normalized form may become. */
const MAX_GROWTH = 16;
const MAX_OWN_EXPRESSIONS = 4;

const NORMALIZERS = new Set(
  'BertNormalizer Precompiled Sequence Replace NFC NFD NFKC NFKD Strip StripAccents Lowercase Prepend'.split(' '),
);
const PRE_TOKENIZERS = new Set(
  'BertPreTokenizer ByteLevel Digits Metaspace Punctuation Sequence Split WhitespaceSplit'.split(' '),
);
const POST_PROCESSORS = new Set('TemplateProcessing BertProcessing RobertaProcessing ByteLevel Sequence'.split(' '));

/** @returns whether spaces come around Chinese characters. @throws LeptonError `model_invalid`, as the others */
export function checkNormalizers(value: unknown): boolean {
  const steps = stepsOf(value, 'normalizer', 'normalizers', NORMALIZERS);
  const growth = steps.reduce((product, step) => product * checkNormalizer(step), 1);
  if (growth > MAX_GROWTH) refuse(`normalizer: it could make a text more than ${MAX_GROWTH} times as long`);
  return steps.some(({ type, handle_chinese_chars: spaces }) => type === 'BertNormalizer' && spaces === true);
}

export function checkPreTokenizers(value: unknown): void {
  const steps = stepsOf(value, 'pre_tokenizer', 'pretokenizers', PRE_TOKENIZERS);
  for (const step of steps) checkPreTokenizer(step);
  if (steps.filter(({ type }) => type === 'ByteLevel').length > 1) refuse('pre_tokenizer: ByteLevel comes twice');
}

export function checkPostProcessors(value: unknown): void {
  for (const step of stepsOf(value, 'post_processor', 'processors', POST_PROCESSORS)) checkPostProcessor(step);
}

/** The steps of a part, those of sequences among them, each of a type that works as in the original. */
function stepsOf(value: unknown, part: string, children: string, types: ReadonlySet<unknown>): Fields[] {
  const steps: Fields[] = [];
  const pending = value === undefined || value === null ? [] : [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const step = fieldsOf(next, `${part}: expected an object`);
    steps.push(step);
    if (steps.length > MAX_STEPS) refuse(`${part}: expected at most ${MAX_STEPS} steps`);
    if (!types.has(step.type)) refuse(`${part}: expected one of ${[...types].join(', ')}; got ${quote(step.type)}`);
    if (step.type !== 'Sequence') continue;
    const inner = step[children];
    if (!Array.isArray(inner)) refuse(`${part}: expected a list ${children} in a Sequence`);
    pending.push(...inner.slice(0, MAX_STEPS + 1));
  }
  return steps;
}

/** How many expressions there are that are not known to take time in proportion to the text. @throws LeptonError `model_invalid` for many */
export function countOwnExpressions(normalizer: unknown, preTokenizer: unknown): number {
  const steps = [
    ...stepsOf(normalizer, 'normalizer', 'normalizers', NORMALIZERS),
    ...stepsOf(preTokenizer, 'pre_tokenizer', 'pretokenizers', PRE_TOKENIZERS),
  ];
  const expressions = steps.map(({ pattern }) => (pattern as { Regex?: string } | undefined)?.Regex);
  const own = expressions.filter((expression) => expression !== undefined && !KNOWN_EXPRESSIONS.has(expression)).length;
  if (own > MAX_OWN_EXPRESSIONS) refuse(`expected at most ${MAX_OWN_EXPRESSIONS} regular expressions, got ${own}`);
  return own;
}

/** @returns how many times as long as the text its answer can be */
function checkNormalizer(step: Fields): number {
  if (step.type === 'Prepend') checkContent(step.prepend, 'normalizer.Prepend.prepend');
  if (step.type !== 'Replace') return 1;
  const content = checkContent(step.content, 'normalizer.Replace.content');
  const { String: text } = checkPattern(step.pattern, 'normalizer.Replace.pattern');
  return typeof text === 'string' ? Math.max(1, content.length / text.length) : 1 + content.length;
}

function checkPreTokenizer(step: Fields): void {
  if (step.type === 'Punctuation' && step.behavior !== 'Contiguous') {
    refuse(
      `pre_tokenizer.Punctuation.behavior: only Contiguous is supported, got ${quote(step.behavior ?? 'Isolated')}`,
    );
  }
  if (step.type === 'Metaspace') {
    for (const sign of [step.replacement, step.str_rep]) {
      if (sign !== undefined && (typeof sign !== 'string' || sign.length !== 1)) {
        refuse(`pre_tokenizer.Metaspace: expected one character in place of a space, got ${quote(sign)}`);
      }
    }
  }
  if (step.type !== 'Split') return;
  const { Regex: expression } = checkPattern(step.pattern, 'pre_tokenizer.Split.pattern');
  const isRemoved = step.behavior === 'Removed' && (step.invert === true || expression !== undefined);
  if (isRemoved || (step.behavior === 'Isolated' && step.invert !== true)) return;
  const how = `${quote(step.behavior)}${step.invert === true ? ' inverted' : ''}`;
  refuse(`pre_tokenizer.Split: only Isolated, Removed by a Regex and Removed inverted are supported, got ${how}`);
}

function checkPostProcessor(step: Fields): void {
  if (step.type === 'TemplateProcessing') {
    const items = step.single;
    if (!Array.isArray(items) || items.length > MAX_STEPS) {
      refuse(`post_processor.single: expected a list of at most ${MAX_STEPS} items`);
    }
    items.forEach((item, i) => {
      const { SpecialToken: special, Sequence: sequence } = fieldsOf(
        item,
        `post_processor.single.${i}: expected an object`,
      );
      const { id } = fieldsOf(special ?? sequence, `post_processor.single.${i}: expected a SpecialToken or a Sequence`);
      if (typeof id !== 'string') refuse(`post_processor.single.${i}: expected an id, got ${quote(id)}`);
    });
  }
  if (step.type !== 'BertProcessing' && step.type !== 'RobertaProcessing') return;
  for (const name of ['cls', 'sep']) {
    const token = step[name];
    if (Array.isArray(token) && typeof token[0] === 'string') continue;
    refuse(`post_processor.${name}: expected [token, id], got ${quote(token)}`);
  }
}

function checkPattern(value: unknown, where: string): { String?: unknown; Regex?: unknown } {
  const pattern = fieldsOf(value, `${where}: expected {String} or {Regex}`);
  if (typeof pattern.String === 'string' && pattern.String !== '' && pattern.Regex === undefined) return pattern;
  if (typeof pattern.Regex !== 'string' || pattern.String !== undefined)
    refuse(`${where}: expected {String} or {Regex}`);
  const because = KNOWN_EXPRESSIONS.has(pattern.Regex) ? undefined : unsafeBecause(pattern.Regex);
  if (because !== undefined) refuse(`${where}: the expression ${because}, so it could take for ever on some text`);
  return pattern;
}
