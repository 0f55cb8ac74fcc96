/** An upstream that costs nothing: answers every POST with the same 2 KB of JSON. `node bench/stub-upstream.ts` */
import { createServer } from 'node:http';

const ANSWER = JSON.stringify({
  object: 'list',
  model: 'stub',
  data: [{ object: 'embedding', index: 0, embedding: Array.from({ length: 230 }, (_, i) => i / 1024) }],
  usage: { prompt_tokens: 1, total_tokens: 1 },
});

const server = createServer((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(ANSWER) });
    response.end(ANSWER);
  });
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`listening http://127.0.0.1:${port}\n`);
});
