/** Stored files by digest. */
import { GatewayError } from './errors.ts';
import { type RequestOptions, seg, type Transport } from './transport.ts';

export interface BlobOptions extends RequestOptions {
  /** The first byte wanted; 0 by default. */
  offset?: number | undefined;
  /** How many bytes are wanted; absent: to the end. */
  length?: number | undefined;
}

export function blobCalls(http: Transport) {
  const path = (digest: string) => `/api/blobs/${seg(digest)}`;
  return {
    /** The bytes, as the answer's body. */
    get: (digest: string, { offset = 0, length, ...options }: BlobOptions = {}): Promise<Response> => {
      const last = length === undefined ? '' : offset + length - 1;
      const headers: Record<string, string> =
        offset === 0 && length === undefined ? {} : { range: `bytes=${offset}-${last}` };
      return http.send(path(digest), { ...options, headers });
    },
    /** Whether the file is stored and this key may read it. */
    has: async (digest: string, options: RequestOptions = {}): Promise<boolean> => {
      try {
        await http.send(path(digest), { ...options, method: 'HEAD' });
        return true;
      } catch (error) {
        if (error instanceof GatewayError && error.status === 404) return false;
        throw error;
      }
    },
  };
}
