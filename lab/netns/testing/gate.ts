/**
 * `node gate.ts PORT`, run in a lab's namespace: a listening socket comes from who started it, made in the machine's own
 * namespace, and what connects there is joined with this port of the lab's loopback.
 */
import { connect, type Server, type Socket } from 'node:net';

const port = Number(process.argv[2]);

function join(socket: Socket): void {
  const inside = connect(port, '127.0.0.1');
  socket.pipe(inside).pipe(socket);
  socket.on('error', () => inside.destroy()).on('close', () => inside.destroy());
  inside.on('error', () => socket.destroy()).on('close', () => socket.destroy());
}

process.on('message', (_, server) => {
  (server as Server).on('connection', join);
  process.send?.('open');
});
process.on('disconnect', () => process.exit());
