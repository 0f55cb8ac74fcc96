/** Why a child ended, as far as the end of its log tells. */
import { open } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

const TAIL_BYTES = 16_384;

/** The last `lines` lines written to the log since `offset` (in bytes), without colours. */
export async function readTail(path: string, offset: number, lines: number): Promise<string[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(offset, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    await file.read(buffer, 0, buffer.length, start);
    const text = stripVTControlCharacters(buffer.toString('utf8'));
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } finally {
    await file.close();
  }
}

/**
 * The one line of a log's tail that best tells why the program ended: the last that speaks of an error, else the last.
 * A structured line (`{"msg": …, "err": {"message": …}}`) is told by its message.
 */
export function reasonIn(lines: string[]): string {
  const told = lines.map(tellLine);
  const reason = told.findLast((line) => line.isError) ?? told.at(-1);
  return reason?.text ?? 'it wrote nothing to its log';
}

const FATAL_LEVEL = 50;

function tellLine(line: string): { text: string; isError: boolean } {
  const record = parseRecord(line);
  if (!record) return { text: line.trim(), isError: /\b(\w*Error|error|fatal)\b/i.test(line) && !/^\s+at /.test(line) };
  const cause = isRecord(record.err) && typeof record.err.message === 'string' ? record.err.message : undefined;
  const message = typeof record.msg === 'string' ? record.msg : undefined;
  const text = [message, cause].filter((part, i, parts) => part && parts.indexOf(part) === i).join(': ');
  return { text: text || line, isError: typeof record.level === 'number' && record.level >= FATAL_LEVEL };
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
