import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '../../logic/address.ts';
import { ECHO_BYTES, readEcho, writeEcho } from '../../logic/ping.ts';
import { type Answered, PING, type Pinger } from '../pinger.ts';
import { AF_INET, type Libc, SOCK_FLAGS, SOCKADDR_BYTES } from './libc.ts';
import { Messages } from './raw.ts';

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;
const TOGETHER = 64;
const RECEIVED_BYTES = 128;
const POLL_MS = 10;

/**
 * Echo requests over IPv4: through the kernel's ping sockets, which need no rights where `net.ipv4.ping_group_range`
 * allows them, or a raw socket. Throws what stands in the way.
 */
export function openPinger(libc: Libc): Pinger {
  const unprivileged = libc.socket(AF_INET, SOCK_DGRAM | SOCK_FLAGS, IPPROTO_ICMP);
  const fd = unprivileged >= 0 ? unprivileged : libc.socket(AF_INET, SOCK_RAW | SOCK_FLAGS, IPPROTO_ICMP);
  if (fd < 0)
    throw new Error('neither ping sockets (net.ipv4.ping_group_range) nor raw ones (CAP_NET_RAW) are permitted');
  const isRaw = unprivileged < 0;
  const out = new Messages(libc, TOGETHER, ECHO_BYTES, true);
  const into = new Messages(libc, TOGETHER, RECEIVED_BYTES, true);
  const id = randomBytes(2).readUInt16BE(0);
  const send = (targets: readonly (readonly [bigint, string])[]): void => {
    for (const [index, [token, address]] of targets.entries()) {
      const name = index * SOCKADDR_BYTES;
      out.names.view.setUint16(name, AF_INET, true);
      out.names.view.setUint32(name + 4, Number(parseAddress(address)!.value));
      writeEcho(out.data.view, index * ECHO_BYTES, { id, sequence: index, token });
    }
    // What cannot be sent (no way, a full buffer) is not answered; nothing is concluded from that.
    for (let sent = 0; sent < targets.length;) {
      const count = libc.sendmmsg(fd, out.headerAt(sent), targets.length - sent, 0);
      sent += Math.max(1, count);
    }
  };
  // Of all who ask just now: whoever hears first hears for the others, too.
  const waiting = new Map<bigint, { address: string; answered: Map<string, Answered> }>();
  const hear = (): void => {
    for (let count = TOGETHER; count === TOGETHER;) {
      count = libc.recvmmsg(fd, into.headers.at, TOGETHER, 0, 0);
      for (let index = 0; index < count; index++) {
        const from = into.names.view.getUint32(index * SOCKADDR_BYTES + 4);
        const reply = readEcho(into.data.view, index * RECEIVED_BYTES, {
          length: into.lengthOf(index),
          hasHeader: isRaw,
        });
        const asked = reply && waiting.get(reply.token);
        if (!asked || Number(parseAddress(asked.address)!.value) !== from) continue;
        waiting.delete(reply.token);
        asked.answered.set(asked.address, { ttl: reply.ttl });
      }
    }
  };
  return {
    why: `who has no open port is asked by ICMP, through ${isRaw ? 'a raw socket' : 'the kernel’s ping sockets'}`,
    [PING]: async (addresses, timeoutMs, signal) => {
      const targets = addresses.map((address) => [randomBytes(8).readBigUInt64BE(0), address] as const);
      const answered = new Map<string, Answered>();
      for (const [token, address] of targets) waiting.set(token, { address, answered });
      for (let at = 0; at < targets.length; at += TOGETHER) send(targets.slice(at, at + TOGETHER));
      const end = performance.now() + timeoutMs;
      while (answered.size < targets.length && performance.now() < end && !signal?.aborted) {
        await sleep(POLL_MS);
        hear();
      }
      for (const [token] of targets) waiting.delete(token);
      return answered;
    },
    close: () => {
      libc.close(fd);
      libc.freeAll();
    },
  };
}
