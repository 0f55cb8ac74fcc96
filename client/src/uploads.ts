/** The calls of a resumable upload; `uploadFile` does all of them in order. */
import type { CreateUploadInput, StoredFile, Upload, UploadExists, UploadedPart } from '@lepton-edge/protocol';
import { type RequestOptions, seg, type Transport } from './transport.ts';

export function uploadCalls(http: Transport) {
  const path = (id: string) => `/api/uploads/${seg(id)}`;
  return {
    /** Opens an upload, or answers the one that is open for this file, or that the file is stored already. */
    create: (input: CreateUploadInput, options: RequestOptions = {}) =>
      http.json<Upload | UploadExists>('/api/uploads', { ...options, method: 'POST', json: input, repeatable: true }),
    get: (id: string, options: RequestOptions = {}) => http.json<Upload>(path(id), options),
    /** `part` counts from 1; every part but the last has `partSizeBytes`. */
    putPart: (id: string, part: number, bytes: Uint8Array<ArrayBuffer>, options: RequestOptions = {}) =>
      http.json<UploadedPart>(`${path(id)}/parts/${part}`, {
        ...options,
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: bytes,
        repeatable: true,
      }),
    /** Has the digest checked; takes long for a big file. 409 `upload_incomplete` names parts to send again. */
    complete: (id: string, options: RequestOptions = {}) =>
      http.json<StoredFile>(`${path(id)}/complete`, { ...options, method: 'POST', repeatable: true }),
    delete: async (id: string, options: RequestOptions = {}): Promise<void> => {
      await http.send(path(id), { ...options, method: 'DELETE' });
    },
  };
}
