import { randomBytes } from 'node:crypto';
import type { SshHostKey, SshProbe } from '../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { exchangeKeys, methodFor } from './ssh-exchange.ts';
import { askMethods, type Ways } from './ssh-methods.ts';
import { protectionFor } from './ssh-protection.ts';
import { isSignedBy } from './ssh-signature.ts';
import { describeKey, KEXINIT, OUR_VERSION, parseKexInit, PlainLine, readBanner, sshString } from './ssh-wire.ts';

export interface Shown {
  /** null: it showed none that it holds */
  key: SshHostKey | null;
  /** how one could log in; null: not asked, or no answer */
  ways: Ways | null;
}
const NOTHING: Shown = { key: null, ways: null };

/**
 * Runs the key exchange until the server has shown its key, with a signature over all that was said: a key that it does
 * not hold is none of its. Hangs up there, or goes on to ask for the ways to log in.
 */
export async function readHostKey(
  conversation: Conversation,
  kinds: readonly string[],
  asksWays: boolean,
): Promise<Shown> {
  const opened = await open(conversation);
  if (!opened) return NOTHING;
  const { line, banner, theirs, offered, method } = opened;
  const protection = protectionFor(offered);
  const ours = ourKexInit(method, kinds, protection ? { cipher: [protection.cipher], mac: [protection.mac] } : offered);
  line.say(ours);
  const exchanged = await exchangeKeys(line, method, { banner, ours, theirs });
  const key = exchanged && describeKey(exchanged.hostKey);
  if (!exchanged || !key || !isSignedBy(exchanged.hostKey, exchanged.signature, exchanged.hash)) return NOTHING;
  return { key, ways: asksWays && protection ? await calmly(() => askMethods(line, exchanged, protection)) : null };
}

/** Versions and lists; null: there is nothing that we could agree on. */
async function open(conversation: Conversation) {
  const banner = await readBanner(conversation);
  if (banner === null) return null;
  conversation.write(Buffer.from(OUR_VERSION));
  const line = new PlainLine(conversation);
  const theirs = await line.read();
  const offered = parseKexInit(theirs);
  const method = offered ? methodFor(offered.kex) : undefined;
  return offered && method !== undefined ? { line, banner, theirs, offered, method } : null;
}

/** Whoever hangs up at our request has shown the key all the same. */
async function calmly<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ConversationEnded) return null;
    throw error;
  }
}

/** What the server offered, so that we always agree; of methods and kinds of key only the one that we want. */
function ourKexInit(
  method: string,
  kinds: readonly string[],
  offered: Pick<SshProbe['algorithms'], 'cipher' | 'mac'>,
): Buffer {
  const [cipher, mac] = [offered.cipher.join(','), offered.mac.join(',')];
  const lists = [method, kinds.join(','), cipher, cipher, mac, mac, 'none', 'none', '', ''];
  return Buffer.concat([Buffer.from([KEXINIT]), randomBytes(16), ...lists.map(sshString), Buffer.alloc(5)]);
}
