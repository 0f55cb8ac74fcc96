/** Versions: made of one body or of uploaded files, and waited for until admission has tried them. */
import type { CreateVersionInput, ManifestInput, Page, Version } from '@lepton-edge/protocol';
import { VersionRejectedError } from './errors.ts';
import { allPages, type PageOptions } from './pages.ts';
import { sleep } from './retry.ts';
import { type PostOptions, query, type RequestOptions, seg, type Transport } from './transport.ts';

const FIRST_POLL_MS = 200;
const LONGEST_POLL_MS = 5_000;

export interface WaitOptions extends RequestOptions {
  /** Called with what each look at the version showed. */
  onPoll?: ((version: Version) => void) | undefined;
}

export function versionCalls(http: Transport) {
  const path = (model: string) => `/api/models/${seg(model)}/versions`;
  const list = (model: string, { limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Version>>(`${path(model)}${query({ limit, cursor })}`, options);
  const get = (model: string, version: number, options: RequestOptions = {}) =>
    http.json<Version>(`${path(model)}/${version}`, options);
  return {
    list,
    /** Newest first. */
    all: (model: string, options: PageOptions = {}) =>
      allPages((page) => list(model, { ...options, ...page }), options.cursor),
    get,
    /** Uploads one ONNX file (at most 64 MiB) as the model's next version. */
    upload: (
      model: string,
      onnx: Uint8Array<ArrayBuffer> | Blob,
      manifest?: ManifestInput,
      options: PostOptions = {},
    ) =>
      http.json<Version>(path(model), {
        ...options,
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          ...(manifest ? { 'x-lepton-manifest': headerJson(manifest) } : {}),
        },
        body: onnx,
      }),
    /** Makes the next version of files that were uploaded before; see `uploadFile`. */
    create: (model: string, input: CreateVersionInput, options: PostOptions = {}) =>
      http.json<Version>(path(model), { ...options, method: 'POST', json: input }),
    archive: (model: string, version: number, reason: string, options: PostOptions = {}) =>
      http.json<Version>(`${path(model)}/${version}/archive`, { ...options, method: 'POST', json: { reason } }),
    /**
     * Waits until admission is over, looking less and less often.
     * @throws VersionRejectedError when the version was refused.
     */
    waitReady: async (model: string, version: number, options: WaitOptions = {}): Promise<Version> => {
      const { onPoll, ...request } = options;
      for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(LONGEST_POLL_MS, pauseMs * 1.5)) {
        const found = await get(model, version, request);
        onPoll?.(found);
        if (found.state === 'rejected') throw new VersionRejectedError(found);
        if (found.state !== 'admitting') return found;
        await sleep(pauseMs, options.signal);
      }
    },
  };
}

/** JSON fit for a header: only ASCII. */
function headerJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
