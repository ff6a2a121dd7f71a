import { AppError } from '../../model/errors/index.ts';
import type { SshHostKey, SshProbe } from '../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';
import { readHostKey, type Shown } from './ssh-host-key.ts';
import { OUR_VERSION, parseKexInit, readBanner, readPacket, shownBanner } from './ssh-wire.ts';

const HELLO_MS = 5000;
const KEY_MS = 4000;

/** One key of each kind: `rsa-sha2-*` and `ssh-rsa` sign with the same key. */
const KEY_KINDS: readonly (readonly string[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
];

/**
 * SSH as offered: version, algorithms, host keys that it proves to hold, and the ways to log in, which it names when it
 * turns a request away that shows nothing.
 */
export const sshProbe: Probe = {
  protocol: 'ssh',
  recognises: (greeting) => /(^|\n)SSH-\d/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const offered = await converse(target, HELLO_MS, (c) => readOffer(c, target));
    const hostKeys: SshHostKey[] = [];
    let ways: Shown['ways'] = null;
    for (const kinds of KEY_KINDS) {
      const wanted = kinds.filter((kind) => offered.algorithms.hostKey.includes(kind));
      if (wanted.length === 0) continue;
      const shown = await showKey(target, wanted, target.asksWays && !ways);
      if (shown.key) hostKeys.push(shown.key);
      ways ??= shown.ways;
    }
    // A server that would not show a key this time must not look like one that has none.
    if (hostKeys.length === 0) throw stopped(target, 'no host key was shown that it proved to hold');
    const login = ways && { methods: ways.methods, ...(ways.open ? { open: true as const } : {}) };
    return { protocol: 'ssh', ...offered, hostKeys, ...(login ? { login } : {}) };
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
    return { banner: shownBanner(banner), algorithms };
  } catch (error) {
    if (error instanceof ConversationEnded) throw stopped(target, error.message);
    throw error;
  }
}

async function showKey(target: ProbeTarget, kinds: readonly string[], asksWays: boolean): Promise<Shown> {
  try {
    return await converse(target, KEY_MS, (c) => readHostKey(c, kinds, asksWays));
  } catch (error) {
    if (error instanceof ConversationEnded) return { key: null, ways: null };
    throw error;
  }
}
