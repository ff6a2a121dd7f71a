import { EventEmitter } from 'node:events';
import snmp, { type Session, type Varbind } from 'net-snmp';
import { type Element, readElement, readElements } from '../../../../model/ber.ts';
import type { Guard } from '../../../../scan/scanner/guard.ts';

/** How one logs in: a community (SNMPv2c), or a user with up to two keys (SNMPv3, RFC 3414). */
export interface Login {
  community: string | null;
  user: string | null;
  auth: { protocol: 'sha' | 'sha256' | 'sha512'; key: string } | null;
  priv: { key: string } | null;
}

export interface Row {
  /** what follows the column's identifier */
  index: number[];
  value: Buffer | number | string;
}

const TIMEOUT_MS = 2000;
const TRIES = 3;
const ROWS_A_REQUEST = 20;
/** Of one column: the largest routers know some hundred thousand neighbours, and nobody's table is endless. */
const MOST = { rows: 200_000, ms: 5 * 60_000 };

/** One device, asked through a guard: at its rate, and never once it is excluded. */
export class Device {
  readonly #session: Session;
  readonly #most: typeof MOST;
  readonly #late: NodeJS.Timeout;

  constructor(guard: Guard, address: string, port: number, login: Login, signal: AbortSignal, most = MOST) {
    this.#most = most;
    const over = AbortSignal.any([signal, AbortSignal.timeout(most.ms)]);
    const line: Line = {
      guard,
      address,
      signal: over,
      isProven: (answer) => isProven(answer, login),
      unanswered: (why) => (this.#session as unknown as Cancels).cancelRequests(new Error(why)),
    };
    const common = { port, retries: 0, timeout: 60_000, dgramModule: through(line) };
    this.#session =
      login.user === null
        ? snmp.createSession(address, login.community ?? '', { ...common, version: snmp.Version2c })
        : snmp.createV3Session(address, userOf(login), { ...common, version: snmp.Version3 });
    this.#session.on('error', () => undefined);
    this.#late = setTimeout(() => this.close(), most.ms);
  }

  close(): void {
    clearTimeout(this.#late);
    this.#session.close();
  }

  /** Single values; null for what the device does not have. */
  get(oids: readonly string[]): Promise<(Row['value'] | null)[]> {
    return new Promise((resolve, reject) => {
      this.#session.get([...oids], (error: Error | null, varbinds: Varbind[] = []) => {
        if (error) reject(inWords(error, this.#most.ms));
        else resolve(varbinds.map((one) => (snmp.isVarbindError(one) ? null : valueOf(one))));
      });
    });
  }

  /** All of one column of a table, by index. Empty where the device has no such table. */
  column(oid: string): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const rows: Row[] = [];
      let before: number[] = [];
      let count = 0;
      let wrong: string | null = null;
      const feed = (varbinds: Varbind[]): boolean => {
        for (const one of varbinds) {
          const value = snmp.isVarbindError(one) ? null : valueOf(one);
          const index = one.oid
            .slice(oid.length + 1)
            .split('.')
            .map(Number);
          // RFC 3416, 4.2.3: each one is behind the last. Who goes in circles is not listened to for ever.
          if (!isBehind(index, before)) wrong = 'its table goes in circles';
          else if (count >= this.#most.rows) wrong = `its table has more than ${this.#most.rows} rows`;
          if (wrong !== null) return true;
          before = index;
          count += 1;
          if (value !== null) rows.push({ index, value });
        }
        return false;
      };
      this.#session.subtree(oid, ROWS_A_REQUEST, feed as never, (error: Error | null | undefined) => {
        if (wrong !== null) reject(new Error(wrong));
        else if (error && !/no such|end of mib/i.test(error.message)) reject(inWords(error, this.#most.ms));
        else resolve(rows);
      });
    });
  }
}

function userOf({ user, auth, priv }: Login): snmp.User {
  const level = auth === null ? 'noAuthNoPriv' : priv === null ? 'authNoPriv' : 'authPriv';
  return {
    name: user!,
    level: snmp.SecurityLevel[level],
    ...(auth ? { authProtocol: snmp.AuthProtocols[auth.protocol], authKey: auth.key } : {}),
    ...(priv ? { privProtocol: snmp.PrivProtocols.aes, privKey: priv.key } : {}),
  } as snmp.User;
}

const valueOf = ({ value }: Varbind): Row['value'] | null =>
  Buffer.isBuffer(value) || typeof value === 'number' || typeof value === 'string' ? value : null;

function isBehind(index: readonly number[], before: readonly number[]): boolean {
  const at = index.findIndex((one, place) => one !== before[place]);
  return before.length === 0 || (at !== -1 && index[at]! > (before[at] ?? -1));
}

/** The library's own words for these hold the community, or a digest made with the key. */
const SAID: readonly (readonly [begins: string, why: string])[] = [
  ['Authentication digest', 'its signature is not of the auth-key that was given'],
  ['Community ', 'its answer names another community'],
];

/** Of what the library and the clock say, what whoever reads it can do something with. */
function inWords(error: Error, ms: number): Error {
  const isLate = error.name === 'TimeoutError' || error.message === 'Socket forcibly closed';
  const why = isLate
    ? `it was not done within ${ms / 60_000} minutes`
    : SAID.find(([begins]) => error.message.startsWith(begins))?.[1];
  return why === undefined ? error : new Error(why, { cause: error });
}

const [SIGNED, ENCRYPTED, REPORT] = [1, 2, 0xa8];

/**
 * Who logs in with keys hears only who has them: the library takes what is not signed for the truth. By reports (RFC 3414,
 * 3.2) alone one gets to know each other before; they tell nothing that is read.
 */
function isProven(answer: Buffer, { user, auth, priv }: Login): boolean {
  if (user === null || auth === null) return true;
  const [, header, , scoped] = partsOf(readElement(answer)?.element);
  const flags = partsOf(header)[2]?.body[0] ?? 0;
  const wanted = priv === null ? SIGNED : SIGNED | ENCRYPTED;
  if ((flags & wanted) === wanted) return true;
  return (flags & ENCRYPTED) === 0 && partsOf(scoped)[2]?.tag === REPORT;
}

const partsOf = (whole: Element | undefined): Element[] => (whole ? readElements(whole.body) : []);

interface Cancels {
  cancelRequests(error: Error): void;
}

interface Line {
  guard: Guard;
  address: string;
  signal: AbortSignal;
  isProven(answer: Buffer): boolean;
  /** ends what is still asked: no more is heard of it */
  unanswered(why: string): void;
}

/** What the library takes for node:dgram. A request that nobody answers is tried again here, by what the guard measures. */
function through({ guard, address, signal, isProven: proven, unanswered }: Line): { createSocket(): EventEmitter } {
  class Datagrams extends EventEmitter {
    #isClosed = false;
    ref(): void {}
    unref(): void {}
    close(): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.emit('close');
    }
    send(
      bytes: Buffer,
      _from: number,
      _length: number,
      port: number,
      _to: string,
      done: (error?: Error) => void,
    ): void {
      void this.#exchange(bytes, port, done);
    }
    async #exchange(bytes: Buffer, port: number, done: (error?: Error) => void): Promise<void> {
      const answers = await this.#ask(bytes, port).catch((error: Error) => error);
      if (answers instanceof Error) return done(answers);
      // Only from then on does the library wait for an answer.
      done();
      try {
        for (const answer of answers) this.emit('message', answer, { address, port });
        // All that came of it was heard: the library would wait for another answer, and none comes.
        unanswered('what it sends is no answer to what it was asked');
      } catch (error) {
        // It trips over bytes of strangers.
        unanswered(`its answer cannot be read: ${(error as Error).message}`);
      }
    }
    async #ask(bytes: Buffer, port: number): Promise<Buffer[]> {
      for (let tries = 0; tries < TRIES && !this.#isClosed; tries++) {
        const { answers, refused } = await guard.exchange(address, port, bytes, { timeoutMs: TIMEOUT_MS, signal });
        if (refused) throw new Error('nothing listens there');
        if (answers.length > 0 && !answers.some(proven)) throw new Error('its answer is not signed as the user signs');
        if (answers.length > 0) return answers.filter(proven);
      }
      throw new Error('it does not answer');
    }
  }
  return { createSocket: () => new Datagrams() };
}
