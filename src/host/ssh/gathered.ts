import type { Socket } from 'node:net';

/**
 * Makes small writes of one go leave in one piece: an SSH packet is written in three, and each would be a system call and a
 * packet on the wire. To be called once `connect` was: that puts a socket's own `write` back.
 */
export function gathered(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...args);
  };
  return socket;
}
