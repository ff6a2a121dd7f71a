import { AppError } from '../../model/errors/index.ts';
import type { SshHostKey, SshProbe } from '../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';
import { readHostKey } from './ssh-host-key.ts';
import { OUR_VERSION, parseKexInit, readBanner, readPacket } from './ssh-wire.ts';

const HELLO_MS = 5000;
const KEY_MS = 4000;

/** One key of each kind: `rsa-sha2-*` and `ssh-rsa` sign with the same key. */
const KEY_KINDS: readonly (readonly string[])[] = [
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
      const key = wanted.length > 0 ? await showKey(target, wanted) : null;
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

/** Null: it did not show one. */
async function showKey(target: ProbeTarget, kinds: readonly string[]): Promise<SshHostKey | null> {
  try {
    return await converse(target, KEY_MS, (c) => readHostKey(c, kinds));
  } catch (error) {
    if (error instanceof ConversationEnded) return null;
    throw error;
  }
}
