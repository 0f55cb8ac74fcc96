/** `GET /metrics` on an address of its own, so that who may infer and who may look are told apart by the network. */
import { createServer, type Server } from 'node:http';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** A server that is not listening yet. */
export function createMetricsServer(text: () => string): Server {
  return createServer((request, response) => {
    request.resume();
    const path = request.url?.split('?', 1)[0];
    if (path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there is only /metrics here\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else {
      response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(text());
    }
  });
}
