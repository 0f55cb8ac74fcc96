/** JSON from outside: integers keep all of their digits, and what would fill the memory is refused before it is parsed. */
import { LeptonError } from '../errors.ts';

/** A shorter text holds too few values to matter. */
const COUNTED_BYTES = 2 * 1024 * 1024;
/** An array, object or string takes up to ten times the memory of its text. */
const MAX_CONTAINERS = 2 ** 20;
const MAX_QUOTES = 2 ** 21;
const [QUOTE, BRACKET, BRACE] = [0x22, 0x5b, 0x7b] as const;

/** Begins no string that is text: it is half a character. */
export const LONG_INTEGER_MARK = '\ud800';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Parses JSON from outside; integers beyond 2^53 that stand for tensor data (in an array, or as `data`) come as bigint.
 * @throws LeptonError `invalid_json`
 */
export function parseJson(bytes: Uint8Array): unknown {
  // The reviver is slow, so it is used only where a whole number long enough to need it may stand.
  return parse(bytes, (text) => (/[^.\d]\d{16}/.test(text) ? JSON.parse(text, keepBigIntegers) : JSON.parse(text)));
}

/** Integers beyond 2^53 are rounded. @throws LeptonError `invalid_json` */
export function parseJsonRounded(bytes: Uint8Array): unknown {
  return parse(bytes, (text) => JSON.parse(text));
}

/**
 * Parses JSON that was parsed before, with integers of 16 to 20 digits as strings of their digits behind LONG_INTEGER_MARK: a
 * reviver would take microseconds for every value there is.
 */
export function parseJsonMarked(bytes: Uint8Array): unknown {
  const strings = /"[^"\\]*(?:\\.[^"\\]*)*"/;
  const integers = /(?<![\d.eE+-])-?\d{16,20}(?![\d.eE])/;
  const either = new RegExp(`${strings.source}|${integers.source}`, 'g');
  return parse(bytes, (text) =>
    JSON.parse(text.replace(either, (token) => (token[0] === '"' ? token : `"${LONG_INTEGER_MARK}${token}"`))),
  );
}

function parse(bytes: Uint8Array, read: (text: string) => unknown): unknown {
  if (bytes.byteLength > COUNTED_BYTES) checkCounts(bytes);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new LeptonError('invalid_json', 'expected a JSON body in UTF-8, got bytes that are not UTF-8', { cause });
  }
  if (text.trim() === '') throw new LeptonError('invalid_json', 'expected a JSON body, got none');
  try {
    return read(text);
  } catch (cause) {
    const detail = cause instanceof SyntaxError ? `: ${cause.message}` : '';
    throw new LeptonError('invalid_json', `the body is not valid JSON${detail}${advice(text)}`, { cause });
  }
}

function checkCounts(bytes: Uint8Array): void {
  const containers = countOf(bytes, BRACKET, MAX_CONTAINERS) + countOf(bytes, BRACE, MAX_CONTAINERS);
  if (containers <= MAX_CONTAINERS && countOf(bytes, QUOTE, MAX_QUOTES) <= MAX_QUOTES) return;
  throw new LeptonError(
    'invalid_json',
    `the body has more than ${MAX_CONTAINERS} arrays and objects, or ${MAX_QUOTES} quotation marks: send the data flat, or ` +
      'as binary data',
  );
}

/** How often a byte is there; no more than one beyond `most` are looked for. */
function countOf(bytes: Uint8Array, byte: number, most: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0 && count <= most; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

function keepBigIntegers(this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  if (key !== 'data' && !Array.isArray(this)) return value;
  const source = context?.source;
  // Longer ones fit no datatype, and converting them takes time that grows with their square.
  return source !== undefined && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
}

/** Python's json module writes NaN and infinities bare. */
function advice(text: string): string {
  if (!/(?:^|[[,:\s])-?(?:NaN|Infinity)\s*(?:[\],}]|$)/.test(text)) return '';
  return '; JSON has no NaN and no infinities: send them as the strings "NaN", "Infinity" and "-Infinity", or as binary data';
}
