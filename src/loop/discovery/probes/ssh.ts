import { createHash } from 'node:crypto';
import ssh2, { type ServerHostKeyAlgorithm } from 'ssh2';
import { AppError } from '../../../model/errors/index.ts';
import type { SshHostKey, SshProbe } from '../../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';

const HELLO_MS = 5000;
const KEY_MS = 4000;
const LONGEST_LINE = 255;
/** RFC 4253 §4.2 allows lines before the version; nobody sends many. */
const MOST_LINES = 20;
const LONGEST_PACKET = 35_000;
const KEXINIT = 20;
const OUR_VERSION = 'SSH-2.0-Lastember_probe\r\n';

/** One key of each kind: `rsa-sha2-*` and `ssh-rsa` sign with the same key. */
const KEY_KINDS: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
];

/** SSH as offered: version, algorithms, host keys. It ends before authentication would begin. */
export const sshProbe: Probe = {
  protocol: 'ssh',
  recognises: (greeting) => /(^|\n)SSH-\d/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const offered = await converse(target, HELLO_MS, (c) => readOffer(c, target));
    const hostKeys: SshHostKey[] = [];
    for (const kinds of KEY_KINDS) {
      const wanted = kinds.filter((kind) => offered.algorithms.hostKey.includes(kind));
      const key = wanted.length > 0 ? await readHostKey(target, wanted) : null;
      if (key) hostKeys.push(key);
    }
    // A server that would not show a key this time must not look like one that has none.
    if (hostKeys.length === 0) throw stopped(target, 'the key exchange ended before a host key was shown');
    return { protocol: 'ssh', ...offered, hostKeys };
  },
};

function stopped(target: ProbeTarget, why: string): AppError {
  return new AppError('PROBE_STOPPED', { address: target.address, port: target.port, protocol: 'ssh', why });
}

async function readOffer(
  conversation: Conversation,
  target: ProbeTarget,
): Promise<Omit<SshProbe, 'protocol' | 'hostKeys'>> {
  try {
    const banner = await readBanner(conversation);
    if (!banner) throw stopped(target, 'no SSH version line came');
    conversation.write(Buffer.from(OUR_VERSION));
    const algorithms = parseKexInit(await readPacket(conversation));
    if (!algorithms) throw stopped(target, 'the list of algorithms does not parse');
    return { banner, algorithms };
  } catch (error) {
    if (error instanceof ConversationEnded) throw stopped(target, error.message);
    throw error;
  }
}

async function readBanner(conversation: Conversation): Promise<string | null> {
  for (let lines = 0; lines < MOST_LINES; lines++) {
    const line = await readLine(conversation);
    if (line === null) return null;
    // Printable only: a banner is shown to people.
    if (line.startsWith('SSH-')) return line.replace(/[^\x20-\x7e]/g, '?');
  }
  return null;
}

async function readLine(conversation: Conversation): Promise<string | null> {
  let line = '';
  while (line.length <= LONGEST_LINE) {
    const char = (await conversation.read(1)).toString('latin1');
    if (char === '\n') return line.replace(/\r$/, '');
    line += char;
  }
  return null;
}

async function readPacket(conversation: Conversation): Promise<Buffer> {
  const length = (await conversation.read(4)).readUInt32BE(0);
  if (length < 2 || length > LONGEST_PACKET) return Buffer.alloc(0);
  const packet = await conversation.read(length);
  return packet.subarray(1, Math.max(1, length - packet[0]!));
}

/** RFC 4253 §7.1: message number, 16-byte cookie, ten name-lists. */
export function parseKexInit(payload: Buffer): SshProbe['algorithms'] | null {
  if (payload[0] !== KEXINIT) return null;
  const lists: string[][] = [];
  let at = 17;
  while (lists.length < 6) {
    if (at + 4 > payload.length) return null;
    const length = payload.readUInt32BE(at);
    if (at + 4 + length > payload.length) return null;
    const text = payload.subarray(at + 4, at + 4 + length).toString('latin1');
    lists.push(text === '' ? [] : text.split(',').map((name) => name.replace(/[^\x21-\x7e]/g, '?')));
    at += 4 + length;
  }
  return { kex: lists[0]!, hostKey: lists[1]!, cipher: lists[3]!, mac: lists[5]! };
}

/** Old servers offer nothing better; we only want to see the key. */
const OLD_KEX = [
  'diffie-hellman-group14-sha1',
  'diffie-hellman-group-exchange-sha1',
  'diffie-hellman-group1-sha1',
] as const;
const OLD_CIPHERS = ['aes128-cbc', 'aes256-cbc', '3des-cbc'] as const;

/** Runs the key exchange until the server shows its key, and hangs up there: `hostVerifier` always says no. */
async function readHostKey(target: ProbeTarget, kinds: ServerHostKeyAlgorithm[]): Promise<SshHostKey | null> {
  const socket = await target.connect();
  const client = new ssh2.Client();
  const { promise, resolve } = Promise.withResolvers<SshHostKey | null>();
  const timer = setTimeout(() => resolve(null), Math.min(KEY_MS, target.left()));
  client.on('error', () => resolve(null));
  client.on('close', () => resolve(null));
  try {
    client.connect({
      sock: socket,
      username: 'nobody',
      readyTimeout: 0,
      algorithms: {
        serverHostKey: kinds,
        kex: { append: [...OLD_KEX], prepend: [], remove: [] },
        cipher: { append: [...OLD_CIPHERS], prepend: [], remove: [] },
      },
      hostVerifier: (key: Buffer) => {
        resolve(describeKey(key));
        return false;
      },
    });
    return await promise;
  } finally {
    clearTimeout(timer);
    client.destroy();
    socket.destroy();
  }
}

function describeKey(key: Buffer): SshHostKey | null {
  if (key.length < 8 || key.readUInt32BE(0) > 64) return null;
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return { type, fingerprint: `SHA256:${digest}` };
}
