/** A stand-in of the gateway's upload endpoints on a real socket: it keeps the parts it gets, and can be told to fail. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface OpenUpload {
  id: string;
  digest: string;
  sizeBytes: number;
  state: 'open' | 'verifying' | 'done';
  parts: Map<number, Buffer>;
}

/** What to do to one request: an answer instead of the real one, a cut connection, or nothing. */
type Fault =
  | { status: number; code?: string; retryAfter?: string; errors?: { path: string; message: string }[] }
  | 'cut';

export class UploadEndpoints {
  readonly partSizeBytes: number;
  readonly uploads = new Map<string, OpenUpload>();
  readonly stored = new Map<string, Buffer>();
  /** `PUT 3`, `POST complete`, …: what was asked, in order. */
  readonly asked: string[] = [];
  /** Most parts that were in flight at once. */
  mostAtOnce = 0;
  /** Asked for each request before it is answered. */
  fault: (asked: string, times: number) => Fault | undefined = () => undefined;
  #server: Server | undefined;
  #inFlight = 0;

  constructor(partSizeBytes: number) {
    this.partSizeBytes = partSizeBytes;
  }

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => send(response, 500, { detail: String(error) }));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const [, , , id = '', verb, part] = (request.url ?? '').split('/');
    const asked = [request.method, part ?? verb ?? (id ? 'upload' : '')].join(' ').trim();
    this.asked.push(asked);
    this.#inFlight += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#inFlight);
    const body = await bodyOf(request);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.#inFlight -= 1;
    const fault = this.fault(asked, this.asked.filter((other) => other === asked).length);
    if (fault === 'cut') {
      return request.socket.destroy();
    }
    if (fault) {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      return send(response, fault.status, { detail: 'told to fail', code: fault.code, errors: fault.errors }, headers);
    }
    if (asked === 'POST') return this.#open(JSON.parse(body.toString()), response);
    const upload = this.uploads.get(id);
    if (!upload) return send(response, 404, { detail: `no upload ${id}`, code: 'upload_not_found' });
    if (asked === 'GET upload') return send(response, 200, this.#shown(upload));
    if (asked === 'POST complete') return this.#complete(upload, response);
    upload.parts.set(Number(part), body);
    return send(response, 200, { part: Number(part), sizeBytes: body.byteLength });
  }

  #open({ digest, sizeBytes }: { digest: string; sizeBytes: number }, response: ServerResponse): ServerResponse {
    if (this.stored.has(digest)) return send(response, 200, { exists: true, digest, sizeBytes });
    const open = [...this.uploads.values()].find((upload) => upload.digest === digest && upload.state !== 'done');
    if (open) return send(response, 200, this.#shown(open));
    const upload: OpenUpload = {
      id: `up_${this.uploads.size + 1}`,
      digest,
      sizeBytes,
      state: 'open',
      parts: new Map(),
    };
    this.uploads.set(upload.id, upload);
    return send(response, 201, this.#shown(upload));
  }

  #complete(upload: OpenUpload, response: ServerResponse): ServerResponse {
    const missing = this.#numbers(upload).filter((part) => !upload.parts.has(part));
    if (missing.length > 0) {
      const errors = missing.map((part) => ({ path: `parts.${part}`, message: 'is missing' }));
      return send(response, 409, { detail: 'parts are missing', code: 'upload_incomplete', errors });
    }
    const bytes = Buffer.concat(this.#numbers(upload).map((part) => upload.parts.get(part) as Buffer));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (digest !== upload.digest) return send(response, 422, { detail: 'other bytes', code: 'digest_mismatch' });
    upload.state = 'done';
    this.stored.set(digest, bytes);
    return send(response, 200, { digest, sizeBytes: upload.sizeBytes });
  }

  #numbers({ sizeBytes }: OpenUpload): number[] {
    return Array.from({ length: Math.ceil(sizeBytes / this.partSizeBytes) }, (_, index) => index + 1);
  }

  #shown(upload: OpenUpload) {
    return {
      id: upload.id,
      digest: upload.digest,
      sizeBytes: upload.sizeBytes,
      state: upload.state,
      partSizeBytes: this.partSizeBytes,
      partCount: this.#numbers(upload).length,
      received: [...upload.parts.keys()].sort((a, b) => a - b),
      createdAt: new Date().toISOString(),
      expiresAt: new Date().toISOString(),
    };
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
