/** Connections on which no request has come yet: a server that closes waits for them as for those with one. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const silent = new WeakMap<Server, Set<Socket>>();

/** To be called before the server listens. */
export function watchSilent(server: Server): void {
  const sockets = new Set<Socket>();
  silent.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', ({ socket }) => sockets.delete(socket));
}

/** Ends those that there are now. */
export function endSilent(server: Server): void {
  for (const socket of silent.get(server) ?? []) socket.destroy();
}
