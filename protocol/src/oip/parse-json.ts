/** JSON from outside: integers keep all of their digits, and what would fill the memory is refused before it is parsed. */
import { LeptonError } from '../errors.ts';

/** A shorter text holds too few values to matter. */
const COUNTED_BYTES = 2 * 1024 * 1024;
/** An array, object or string takes up to ten times the memory of its text. */
const MAX_CONTAINERS = 2 ** 20;
const MAX_QUOTES = 2 ** 21;
const [QUOTE, BRACKET, BRACE] = [0x22, 0x5b, 0x7b];

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Parses JSON from outside; integers beyond 2^53 that stand for tensor data (in an array, or as `data`) come as bigint.
 * @throws LeptonError `invalid_json`
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength > COUNTED_BYTES) checkCounts(bytes);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new LeptonError('invalid_json', 'expected a JSON body in UTF-8, got bytes that are not UTF-8', { cause });
  }
  if (text.trim() === '') throw new LeptonError('invalid_json', 'expected a JSON body, got none');
  try {
    // The reviver is slow, so it is used only where a whole number long enough to need it may stand.
    return /[^.\d]\d{16}/.test(text) ? JSON.parse(text, keepBigIntegers) : JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof SyntaxError ? `: ${cause.message}` : '';
    throw new LeptonError('invalid_json', `the body is not valid JSON${detail}${advice(text)}`, { cause });
  }
}

function checkCounts(bytes: Uint8Array): void {
  let containers = 0;
  let quotes = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === BRACKET || byte === BRACE) containers++;
    else if (byte === QUOTE) quotes++;
  }
  if (containers <= MAX_CONTAINERS && quotes <= MAX_QUOTES) return;
  throw new LeptonError(
    'invalid_json',
    `the body has ${containers} arrays and objects and ${quotes} quotation marks, more than ${MAX_CONTAINERS} and ` +
      `${MAX_QUOTES}: send the data flat, or as binary data`,
  );
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
