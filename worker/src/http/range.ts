/** Reads a Range header of one range (RFC 9110, section 14); several ranges are answered as none, which the RFC allows. */
import { LeptonError } from '@lepton-edge/protocol';

export interface ByteRange {
  offset: number;
  length: number;
}

/** @throws LeptonError `range_not_satisfiable` */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start <= end) return { offset: start, length: end - start + 1 };
  throw new LeptonError('range_not_satisfiable', `expected a range within ${sizeBytes} bytes, got ${header}`);
}
