import { stringAt } from '../logic/ssh-numbers.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Exchanged } from './ssh-exchange.ts';
import { keysFor, opening, type Protection, sealing } from './ssh-protection.ts';
import { type PlainLine, sshString } from './ssh-wire.ts';

const NEWKEYS = 21;
const DISCONNECT = 1;
const SERVICE_REQUEST = 5;
const SERVICE_ACCEPT = 6;
const USERAUTH_REQUEST = 50;
const USERAUTH_FAILURE = 51;
const USERAUTH_SUCCESS = 52;
const BY_APPLICATION = 11;
const MOST_PACKETS = 8;

/**
 * Whose ways to log in we ask for. Every Unix has it, so that the request leaves no trace of a name that does not exist,
 * which guards against guessing would count.
 */
const USER = 'root';

/** `open`: it let `none` in, so whoever asks is in. */
export type Ways = { methods: string[]; open: boolean };

/**
 * One request with the method `none` (RFC 4252 §5.2), to which the server answers with the ways that may go on. No key
 * and no password is shown, and we leave at once, whatever it says.
 */
export async function askMethods(plain: PlainLine, exchanged: Exchanged, protection: Protection): Promise<Ways | null> {
  plain.say(Buffer.from([NEWKEYS]));
  if (!(await plain.hear(NEWKEYS))) return null;
  const line = new Line(plain, exchanged, protection);
  line.say(Buffer.concat([Buffer.from([SERVICE_REQUEST]), sshString('ssh-userauth')]));
  if (!(await line.hear([SERVICE_ACCEPT]))) return null;
  line.say(Buffer.concat([Buffer.from([USERAUTH_REQUEST]), ...[USER, 'ssh-connection', 'none'].map(sshString)]));
  const said = await line.hear([USERAUTH_FAILURE, USERAUTH_SUCCESS]);
  line.say(Buffer.concat([Buffer.from([DISCONNECT, 0, 0, 0, BY_APPLICATION]), sshString('done'), sshString('')]));
  if (said?.[0] === USERAUTH_SUCCESS) return { methods: [], open: true };
  const names = said && stringAt(said, 1);
  return names ? { methods: readable(names), open: false } : null;
}

const readable = (names: Buffer): string[] =>
  names
    .toString('latin1')
    .split(',')
    .filter((name) => /^[\x21-\x7e]{1,64}$/.test(name))
    .slice(0, 16);

/** An encrypted line: as much as it takes to say three things and to hear two. */
class Line {
  readonly #conversation: Conversation;
  readonly #seal: (payload: Buffer) => Buffer;
  readonly #open: (conversation: Conversation) => Promise<Buffer | null>;

  constructor(plain: PlainLine, exchanged: Exchanged, protection: Protection) {
    this.#conversation = plain.conversation;
    this.#seal = sealing(protection, keysFor(exchanged, protection, 'ACE'), plain.sent);
    this.#open = opening(protection, keysFor(exchanged, protection, 'BDF'), plain.received);
  }

  say(payload: Buffer): void {
    this.#conversation.write(this.#seal(payload));
  }

  /** The next of these, past those that say nothing to us; null: it will not come. */
  async hear(wanted: readonly number[]): Promise<Buffer | null> {
    for (let read = 0; read < MOST_PACKETS; read++) {
      const packet = await this.#open(this.#conversation);
      if (!packet || packet[0] === DISCONNECT) return null;
      if (wanted.includes(packet[0]!)) return packet;
    }
    return null;
  }
}
