/**
 * Without keys a node answers programs of its own machine. A browser there would carry the calls of any web page: those
 * name another site as their origin, or, where a site's name was made to point here, as the host.
 */
import { LeptonError } from '@lepton-edge/protocol';
import type { Verify } from './verify-key.ts';

const LOCAL = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i;

export const verifyLocal: Verify = async ({ host, origin }) => {
  if (host !== undefined && !LOCAL.test(host)) throw refused(`the host ${JSON.stringify(host)}`);
  if (origin !== undefined && !LOCAL.test(origin.replace(/^https?:\/\//i, ''))) {
    throw refused(`a call of the web page ${JSON.stringify(origin)}`);
  }
  return 'local';
};

function refused(got: string): LeptonError {
  return new LeptonError(
    'unauthenticated',
    `without keys this node answers programs of its own machine only, got ${got}: start it with --key-file`,
  );
}
