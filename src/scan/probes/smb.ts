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
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const DEADLINE_MS = 3000;
const ALL = Object.keys(DIALECTS).map(Number);
/** Samba names this version of Windows without a build, always. */
const SAMBA = '6.1.0';

async function readMessage(conversation: Conversation): Promise<Buffer> {
  const length = (await conversation.read(4)).readUIntBE(1, 3);
  return conversation.read(length);
}

const isSmb = (answer: Buffer): boolean => answer.length >= 8 && /^[\xfe\xff]SMB/.test(answer.toString('latin1', 4, 8));

/** A server that hangs up on a dialect does not speak it. */
const attempt = <T>(target: ProbeTarget, fn: (conversation: Conversation) => Promise<T>): Promise<T | null> =>
  talk(target, 'smb', DEADLINE_MS, fn).catch(() => null);

/** Files and printers: dialects, signing, and what the machine says of itself before anybody logs in. */
export const smbProbe: Probe = {
  protocol: 'smb',
  ports: [445, 139],
  asks: { opening: () => negotiate2(ALL), knows: isSmb },
  recognises: isSmb,
  probe: async (target) => {
    const newest = await attempt(target, hello);
    const spoken: string[] = [];
    for (const dialect of ALL)
      if (await attempt(target, (c) => speaks(c, dialect))) spoken.push(DIALECTS[dialect as 514]);
    const old = (await attempt(target, speaksOld)) ?? false;
    if (!newest && !old) throw stopped(target, 'smb', 'no dialect was agreed upon');
    return resultOf(newest, [...(old ? ['1'] : []), ...spoken]);
  },
};

interface Hello {
  negotiated: Negotiated;
  challenge: Challenge | null;
}

function resultOf(newest: Hello | null, dialects: string[]): ServiceProbe {
  const challenge = newest?.challenge;
  const windows = challenge ? `Windows ${challenge.os}` : undefined;
  return serviceResult('smb', {
    product: challenge?.os === SAMBA ? 'Samba' : windows,
    access: 'unknown',
    what: 'it agrees on a dialect with whoever asks; what it shares was not asked',
    details: {
      dialects: dialects.join(', '),
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
