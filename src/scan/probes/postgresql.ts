import { isAppError } from '../../model/errors/index.ts';
import type { Access, ServiceProbe, TlsSeen } from '../../model/probe.ts';
import { ConversationEnded, type Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { behindStartTls, lookByStartTls } from './start-tls.ts';
import { connectWithin } from './tls/within.ts';

const ANSWER_MS = 3000;
const LONGEST_MESSAGE = 16 * 1024;
const MOST_MESSAGES = 64;

const sized = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};
/** A version of the protocol that never was: every server names those that it knows. */
const NO_VERSION = sized(Buffer.from([0, 255, 0, 0]));
const SSL_REQUEST = sized(Buffer.from([0x04, 0xd2, 0x16, 0x2f]));
/** What every client says first. The name is the one that an installation makes; no password follows. */
const STARTUP = sized(
  Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from('user\0postgres\0database\0postgres\0\0')]),
);
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

const isError = (bytes: Buffer): boolean => /^E\0\0[\s\S]{2}S[A-Z]+\0/.test(bytes.toString('latin1'));

/** PostgreSQL: whether it would let the usual first user in without a password, its version where it does, its TLS. */
export const postgresqlProbe: Probe = {
  protocol: 'postgresql',
  ports: [5432, 5433, 6432],
  asks: {
    opening: () => NO_VERSION,
    knows: (answer) => isError(answer) && /unsupported|protocol|0A000|08P01/.test(answer.toString('latin1')),
  },
  recognises: (greeting) => isError(greeting) && /\0C[0-9A-Z]{5}\0/.test(greeting.toString('latin1')),
  probe: async (target): Promise<ServiceProbe> => {
    const inTheClear = await start(target);
    let agreed: boolean | null = null;
    const agree = async (conversation: Conversation): Promise<boolean> => {
      const answer = await agreeOnTls(conversation);
      agreed ??= answer;
      return answer === true;
    };
    const tls = target.secure ? null : await lookByStartTls(target, agree);
    const within = tls && inTheClear.wantsTls ? await startWithin(behindStartTls(target, agree), tls) : null;
    const { wantsTls: _, ...said } = within ?? inTheClear;
    const details = { starttls: agreed === false ? 'not offered' : null };
    return { ...serviceResult('postgresql', { ...said, details }), ...(tls ? { tls } : {}) };
  },
};

const start = (target: ProbeTarget) =>
  talk(target, 'postgresql', ANSWER_MS, (conversation) => read(conversation, target));

/** The same question within TLS, of a server that answers nobody without; null where that did not come about. */
async function startWithin(target: ProbeTarget, tls: TlsSeen): Promise<Awaited<ReturnType<typeof start>> | null> {
  const newest = tls.versions.at(-1);
  if (!newest) return null;
  try {
    return await start({ ...target, connect: connectWithin(target, newest).connect });
  } catch (error) {
    if (isAppError(error)) return null;
    throw error;
  }
}

/** Null: the server said neither yes nor no (an error, say, because it is full). */
async function agreeOnTls(conversation: Conversation): Promise<boolean | null> {
  conversation.write(SSL_REQUEST);
  const answer = (await conversation.read(1)).toString('latin1');
  return answer === 'S' ? true : answer === 'N' ? false : null;
}

interface Verdict {
  access: Access;
  what: string;
  /** it answers nobody from our address without TLS */
  wantsTls?: boolean;
}

async function read(conversation: Conversation, target: ProbeTarget) {
  conversation.write(STARTUP);
  const first = await message(conversation);
  if (!first || !'RENv'.includes(first.type)) throw stopped(target, 'postgresql', 'a start was answered otherwise');
  const verdict = verdictOn(first);
  const isIn = verdict.access === 'open';
  const version = isIn ? await versionOf(conversation) : undefined;
  if (isIn) conversation.write(TERMINATE);
  return { product: 'PostgreSQL', version, ...verdict };
}

const REFUSES: Record<number, string> = {
  3: 'a password',
  5: 'a password (MD5)',
  7: 'GSSAPI',
  9: 'SSPI',
  10: 'a password (SCRAM)',
};

function verdictOn({ type, body }: Message): Verdict {
  if (type === 'R') {
    const kind = body.length >= 4 ? body.readUInt32BE(0) : -1;
    if (kind === 0) return { access: 'open', what: 'the user postgres was let in without a password' };
    return { access: 'refused', what: `it asks the user postgres for ${REFUSES[kind] ?? 'credentials'}` };
  }
  const text = body.toString('utf8');
  const code = /\0C([0-9A-Z]{5})\0/.exec(text)?.[1] ?? 'none';
  const why = /\0M([^\0]*)/.exec(text)?.[1] ?? '';
  return ofError(code, why);
}

function ofError(code: string, why: string): Verdict {
  if (code === '28000' && /no encryption|SSL off/i.test(why))
    return { access: 'unknown', what: 'it answers our address within TLS only', wantsTls: true };
  // Told apart from 28000 for a role that is not there, which is said after nobody asked for a password.
  if (code === '28000' && /pg_hba\.conf/.test(why))
    return { access: 'refused', what: 'it lets nobody in from our address' };
  if (code === '28P01') return { access: 'refused', what: 'the user postgres was refused without a password' };
  return { access: 'unknown', what: `a start was answered with error ${code}: ${why}` };
}

interface Message {
  type: string;
  body: Buffer;
}

async function message(conversation: Conversation): Promise<Message | null> {
  const head = await conversation.read(5);
  const length = head.readUInt32BE(1) - 4;
  if (length < 0 || length > LONGEST_MESSAGE) return null;
  return { type: String.fromCharCode(head[0]!), body: await conversation.read(length) };
}

/** Of what the server tells everybody whom it lets in, before it waits for a query. */
async function versionOf(conversation: Conversation): Promise<string | undefined> {
  try {
    for (let count = 0; count < MOST_MESSAGES; count++) {
      const next = await message(conversation);
      if (!next || next.type === 'Z' || next.type === 'E') return undefined;
      const [name, value] = next.type === 'S' ? next.body.toString('utf8').split('\0') : [];
      if (name === 'server_version') return value;
    }
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
  }
  return undefined;
}
