import { readText, type Host } from '../host.ts';
import { each } from '../facts/look.ts';

export interface TcpRow {
  localAddress: string;
  localPort: number;
  peerAddress: string;
  peerPort: number;
  state: 'listen' | 'established';
  inode: string;
}

const STATES: Record<string, TcpRow['state']> = { '0A': 'listen', '01': 'established' };

/**
 * Rows of /proc/net/tcp or tcp6 that listen or are established. Others are most of the rows of a busy host, conversations that
 * ended a minute ago, and no fact is made of them: they are passed over before anything of them is read.
 */
export function parseTcp(text: string): TcpRow[] {
  const addresses = new Map<string, string>();
  const rows: TcpRow[] = [];
  let end = text.indexOf('\n');
  while (end !== -1) {
    const start = end + 1;
    end = text.indexOf('\n', start);
    const state = STATES[stateIn(text, start)];
    const row = state && rowOf(text.slice(start, end === -1 ? undefined : end), state, addresses);
    if (row) rows.push(row);
  }
  return rows;
}

/** `12: 0100007F:1F90 00000000:0000 0A …`: both ends are written in the same width. */
function stateIn(text: string, start: number): string {
  const local = text.indexOf(': ', start) + 2;
  const width = text.indexOf(' ', local) + 1 - local;
  return text.slice(local + 2 * width, local + 2 * width + 2);
}

function rowOf(line: string, state: TcpRow['state'], addresses: Map<string, string>): TcpRow | null {
  const [, local = '', peer = '', , , , , , , inode] = line.trim().split(/\s+/);
  if (inode === undefined) return null;
  const [localAddress, localPort] = endpoint(local, addresses);
  const [peerAddress, peerPort] = endpoint(peer, addresses);
  return { localAddress, localPort, peerAddress, peerPort, state, inode };
}

/** A busy host has thousands of rows and a few dozen addresses. */
function endpoint(text: string, known: Map<string, string>): [string, number] {
  const [hex = '', port = '0'] = text.split(':');
  const address = known.get(hex) ?? addressOf(hex);
  known.set(hex, address);
  return [address, Number.parseInt(port, 16)];
}

/** 32-bit words in the byte order of the machine. */
export function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].reverse());
  return bytes.length === 4 ? bytes.join('.') : ipv6(bytes);
}

/** IPv4 clients of a dual-stack listener show as ::ffff:a.b.c.d; they are told as the IPv4 addresses they are. */
function ipv6(bytes: number[]): string {
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

export async function readTcp(host: Host): Promise<TcpRow[]> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readText(host, path)));
  return texts.flatMap((text) => parseTcp(text ?? ''));
}

/** Socket inode → pid, from the open files of these processes. With several holders the first started counts. */
export async function socketOwners(host: Host, pids: readonly number[]): Promise<Map<string, number>> {
  const owners = new Map<string, number>();
  const held = await each(pids, async (pid) => {
    const names = (await host.list(`/proc/${pid}/fd`).catch(() => null)) ?? [];
    const links = await each(names, (name) => host.readlink(`/proc/${pid}/fd/${name}`).catch(() => null), 8);
    return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link ?? '')?.[1] ?? []);
  });
  for (const [index, inodes] of held.entries()) {
    for (const inode of inodes) if (!owners.has(inode)) owners.set(inode, pids[index]!);
  }
  return owners;
}
