/** A connection of a client that costs as little as it can: one call on it at a time, written as bytes, answers counted by their length. */
import { connect } from 'node:net';
import { encodeBinaryRequest, HEADER_LENGTH } from '@lepton-edge/protocol';
import { workloadNamed } from './node-workloads.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

export interface RawConnection {
  /** Never rejects: what goes wrong is told to `failed`. */
  readonly opened: Promise<void>;
  send(call: Buffer): void;
  end(then: () => void): void;
}

/** One inference of one item. */
export function callOf(url: string, name: string): Buffer {
  const workload = workloadNamed(name);
  const { bytes, headerLength } = encodeBinaryRequest({
    inputs: workload.inputs(1),
    outputs: workload.outputs.map((output) => ({ name: output })),
  });
  const head = [
    `POST /v2/models/${name}/infer HTTP/1.1`,
    `host: ${new URL(url).host}`,
    'content-type: application/octet-stream',
    `${HEADER_LENGTH}: ${headerLength}`,
    `content-length: ${bytes.byteLength}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

/** @param answered is told each answer's status once it is here whole; `failed`, why the connection broke */
export function openConnection(
  url: string,
  { answered, failed }: { answered(status: number): void; failed(error: Error): void },
): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true).once('error', failed);
  let status = 0;
  let missing = 0;
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    if (missing > 0) missing -= chunk.byteLength;
    else {
      held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
      const end = held.indexOf(HEAD_END);
      if (end < 0) return;
      const head = headOf(held.toString('latin1', 0, end));
      status = head.status;
      missing = head.length - (held.byteLength - end - HEAD_END.byteLength);
      held = Buffer.alloc(0);
    }
    if (missing <= 0) answered(status);
  });
  const opened = new Promise<void>((resolve) => socket.once('connect', resolve));
  return { opened, send: (call) => void socket.write(call), end: (then) => void socket.end(then) };
}

function headOf(text: string): { status: number; length: number } {
  const [, status, length] = /^HTTP\/1\.1 (\d{3}) .*\r\ncontent-length: (\d+)/is.exec(text) ?? [];
  if (length === undefined) throw new Error(`expected an answer with a length, got ${text}`);
  return { status: Number(status), length: Number(length) };
}
