/** A connection of a client that costs as little as it can: one call on it at a time, written as bytes, answers read no further than to their end. */
import { connect } from 'node:net';
import { encodeBinaryRequest, HEADER_LENGTH } from '@lepton-edge/protocol';
import type { Workload } from './node-workloads.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
/** Of a chunked answer, which nothing here needs the pieces of. */
const CHUNKS_END = Buffer.from('0\r\n\r\n');

export interface RawConnection {
  /** Never rejects: what goes wrong is told to `failed`. */
  readonly opened: Promise<void>;
  /** A server closes a connection that is not used for a while. */
  readonly isClosed: boolean;
  send(call: Buffer): void;
  end(then: () => void): void;
}

export interface Call {
  /** Begins with `/`. */
  path: string;
  headers: Record<string, string>;
  body: Uint8Array | string;
}

/** A POST as the bytes that are sent. */
export function bytesOf(url: string, { path, headers, body }: Call): Buffer {
  const content = Buffer.from(body);
  const fields = { host: new URL(url).host, ...headers, 'content-length': String(content.byteLength) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), content]);
}

/** One inference of one item, in binary. */
export function callOf(workload: Workload, headers: Record<string, string> = {}): Call {
  const { bytes, headerLength } = encodeBinaryRequest({
    inputs: workload.inputs(1),
    outputs: workload.outputs.map((name) => ({ name })),
  });
  const type = { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(headerLength) };
  return { path: `/v2/models/${workload.name}/infer`, headers: { ...type, ...headers }, body: bytes };
}

interface Listener {
  /** Is told each answer's status, and its head as it came, once the answer is here whole. */
  answered(status: number, head: string): void;
  /** Is told why the connection broke. */
  failed(error: Error): void;
}

export function openConnection(url: string, { answered, failed }: Listener): RawConnection {
  const { hostname, port } = new URL(url);
  let asked = false;
  let closed = false;
  const socket = connect(Number(port), hostname).setNoDelay(true).once('error', failed);
  socket.once('end', () => {
    closed = true;
    if (asked) failed(new Error('the server closed the connection before it answered'));
  });
  let answer: Head | undefined;
  let missing = 0;
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    let body = chunk;
    if (!answer) {
      held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
      const end = held.indexOf(HEAD_END);
      if (end < 0) return;
      answer = headOf(held.toString('latin1', 0, end));
      missing = answer.length ?? Number.POSITIVE_INFINITY;
      body = held.subarray(end + HEAD_END.byteLength);
      held = Buffer.alloc(0);
    }
    missing -= body.byteLength;
    if (answer.length === undefined) {
      // The end of it may come in two pieces.
      held = Buffer.concat([held, body]).subarray(-CHUNKS_END.byteLength);
      if (!held.equals(CHUNKS_END)) return;
    } else if (missing > 0) return;
    const { status, text } = answer;
    answer = undefined;
    held = Buffer.alloc(0);
    asked = false;
    answered(status, text);
  });
  const opened = new Promise<void>((resolve) => socket.once('connect', resolve));
  return {
    opened,
    get isClosed() {
      return closed;
    },
    send(call) {
      asked = true;
      socket.write(call);
    },
    end: (then) => void (closed ? then() : socket.end(then)),
  };
}

interface Head {
  status: number;
  /** Undefined for an answer in chunks. */
  length: number | undefined;
  text: string;
}

function headOf(text: string): Head {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  const isChunked = /\r\ntransfer-encoding: chunked/i.test(text);
  if (length === undefined && !isChunked) throw new Error(`expected an answer with a length, got ${text}`);
  return { status, length: length === undefined ? undefined : Number(length), text };
}
