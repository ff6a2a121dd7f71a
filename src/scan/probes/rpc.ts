import type { Conversation } from '../scanner/conversation.ts';
import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const DEADLINE_MS = 4000;
const XID = 0x6c656d62;
const PORTMAP = 100_000;
const NAMES: Readonly<Record<number, string>> = {
  [PORTMAP]: 'portmapper',
  100_003: 'nfs',
  100_005: 'mountd',
  100_021: 'nlockmgr',
  100_024: 'status',
  100_227: 'nfs_acl',
};
const MOST_ENTRIES = 256;

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
};
/** PMAPPROC_DUMP of version 2 (RFC 1833), without credentials. */
const DUMP = words(0x80000000 + 40, XID, 0, 2, PORTMAP, 2, 4, 0, 0, 0, 0);

const isReply = (answer: Buffer): boolean =>
  answer.length >= 12 && answer.readUInt32BE(4) === XID && answer.readUInt32BE(8) === 1;

/** The port mapper of Sun RPC: which programs are where. */
export const rpcProbe: Probe = {
  protocol: 'rpc',
  ports: [111],
  asks: { opening: () => DUMP, knows: isReply },
  recognises: isReply,
  probe: async (target) => {
    const list = await talk(target, 'rpc', DEADLINE_MS, dump);
    if (!list) throw stopped(target, 'rpc', 'the answer was not RPC');
    const programs = Map.groupBy(list, ({ program }) => program);
    const told = [...programs].map(([program, entries]) => {
      const versions = entries.map(({ version }) => version);
      return `${NAMES[program] ?? program} ${[...new Set(versions)].sort((a, b) => a - b).join('/')}`;
    });
    return serviceResult('rpc', {
      product: programs.has(PORTMAP) ? 'rpcbind' : undefined,
      access: list.length > 0 ? 'open' : 'unknown',
      what: `it lists ${programs.size} programs to whoever asks`,
      details: { programs: told.join(', ') },
    });
  },
};

async function dump(conversation: Conversation): Promise<{ program: number; version: number }[] | null> {
  conversation.write(DUMP);
  const length = (await conversation.read(4)).readUInt32BE(0) & 0x7fffffff;
  const body = await conversation.read(length);
  if (body.length < 28 || body.readUInt32BE(0) !== XID || body.readUInt32BE(4) !== 1) return null;
  const list: { program: number; version: number }[] = [];
  for (let at = 24; at + 24 <= body.length && body.readUInt32BE(at) === 1 && list.length < MOST_ENTRIES; at += 20) {
    list.push({ program: body.readUInt32BE(at + 4), version: body.readUInt32BE(at + 8) });
  }
  return list;
}
