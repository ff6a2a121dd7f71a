import {
  askChallenge,
  type Challenge,
  DIALECTS,
  negotiate2,
  NEGOTIATE1,
  type Negotiated,
  readChallenge,
  readNegotiated,
  tookOld,
} from '../logic/smb.ts';
import type { ServiceProbe } from '../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';
import { serviceResult, stopped } from './service-result.ts';

const DEADLINE_MS = 3000;
const ALL = Object.keys(DIALECTS).map(Number);
/** Samba names this version of Windows without a build, always. */
const SAMBA = '6.1.0';

async function readMessage(conversation: Conversation): Promise<Buffer> {
  const length = (await conversation.read(4)).readUIntBE(1, 3);
  return conversation.read(length);
}

const isSmb = (answer: Buffer): boolean => answer.length >= 8 && /^[\xfe\xff]SMB/.test(answer.toString('latin1', 4, 8));

/** Null: it hung up, as servers do on a dialect that they do not speak. `untold`: no answer in time. */
async function attempt<T>(
  target: ProbeTarget,
  fn: (conversation: Conversation) => Promise<T>,
): Promise<T | null | 'untold'> {
  try {
    return await converse(target, DEADLINE_MS, fn);
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    return error.ended === 'closed' ? null : 'untold';
  }
}

/** Files and printers: dialects, signing, and what the machine says of itself before anybody logs in. */
export const smbProbe: Probe = {
  protocol: 'smb',
  ports: [445, 139],
  asks: { opening: () => negotiate2(ALL), knows: isSmb },
  recognises: isSmb,
  probe: async (target) => {
    const greeted = await attempt(target, hello);
    const newest = greeted === 'untold' ? null : greeted;
    const dialects: Dialects = { spoken: [], untold: [] };
    const note = (name: string, told: boolean | null | 'untold'): void => {
      if (told) dialects[told === 'untold' ? 'untold' : 'spoken'].push(name);
    };
    note('1', await attempt(target, speaksOld));
    for (const dialect of ALL)
      note(DIALECTS[dialect as 514], await attempt(target, (conversation) => speaks(conversation, dialect)));
    if (!newest && !dialects.spoken.includes('1')) throw stopped(target, 'smb', 'no dialect was agreed upon');
    return resultOf(newest, dialects);
  },
};

interface Hello {
  negotiated: Negotiated;
  challenge: Challenge | null;
}

interface Dialects {
  spoken: string[];
  /** asked for, and not answered in time */
  untold: string[];
}

function resultOf(newest: Hello | null, dialects: Dialects): ServiceProbe {
  const challenge = newest?.challenge;
  const windows = challenge ? `Windows ${challenge.os}` : undefined;
  return serviceResult('smb', {
    product: challenge?.os === SAMBA ? 'Samba' : windows,
    access: 'unknown',
    what: 'it agrees on a dialect with whoever asks; what it shares was not asked',
    details: {
      dialects: dialects.spoken.join(', '),
      untold: dialects.untold.join(', '),
      signing: newest && (newest.negotiated.signingRequired ? 'required' : 'not required'),
      computer: challenge?.computer,
      domain: challenge?.domain,
    },
  });
}

async function hello(conversation: Conversation): Promise<Hello | null> {
  conversation.write(negotiate2(ALL));
  const negotiated = readNegotiated(await readMessage(conversation));
  if (!negotiated) return null;
  conversation.write(askChallenge());
  const challenge = await readMessage(conversation).then(readChallenge, () => null);
  return { negotiated, challenge };
}

async function speaks(conversation: Conversation, dialect: number): Promise<boolean> {
  conversation.write(negotiate2([dialect]));
  return readNegotiated(await readMessage(conversation))?.dialect === dialect;
}

async function speaksOld(conversation: Conversation): Promise<boolean> {
  conversation.write(NEGOTIATE1);
  return tookOld(await readMessage(conversation));
}
