import type { Conversation } from '../scanner/conversation.ts';
import type { Probe } from './contract.ts';
import { readUntil, serviceResult, stopped, talk } from './service-result.ts';

const DEADLINE_MS = 5000;
const NONE = 1;
const TYPES: Readonly<Record<number, string>> = {
  0: 'invalid',
  1: 'none',
  2: 'password',
  5: 'RA2',
  6: 'RA2ne',
  16: 'Tight',
  18: 'TLS',
  19: 'VeNCrypt',
  20: 'SASL',
  30: 'Apple',
  35: 'Apple',
};

/** Screens (RFB, RFC 6143): how one gets in. The conversation ends before a way in is chosen. */
export const vncProbe: Probe = {
  protocol: 'vnc',
  ports: [5800, 5900, 5901, 5902, 5903],
  recognises: (greeting) => /^RFB \d{3}\.\d{3}\n/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const seen = await talk(target, 'vnc', DEADLINE_MS, read);
    if (!seen) throw stopped(target, 'vnc', 'no RFB greeting came');
    const names = seen.types.map((type) => TYPES[type] ?? `type ${type}`);
    const open = seen.types.includes(NONE);
    return serviceResult('vnc', {
      product: seen.version === '003.889' ? 'Apple Remote Desktop' : undefined,
      access: open ? 'open' : seen.types.length > 0 ? 'refused' : 'unknown',
      what: open
        ? 'it offers a way in without a password'
        : seen.types.length > 0
          ? `every way in asks for something: ${names.join(', ')}`
          : `it offered no way in: ${seen.why}`,
      details: { protocol: seen.version.replace(/^0+(\d)\D0*(\d)/, '$1.$2'), security: names.join(', ') },
    });
  },
};

async function read(conversation: Conversation): Promise<{ version: string; types: number[]; why: string } | null> {
  const greeting = (await conversation.read(12)).toString('latin1');
  const version = /^RFB (\d{3}\.\d{3})\n$/.exec(greeting)?.[1];
  if (!version) return null;
  const old = version < '003.007';
  conversation.write(Buffer.from(`RFB 003.00${old ? '3' : '8'}\n`));
  if (old) {
    const type = (await conversation.read(4)).readUInt32BE(0);
    return { version, types: type === 0 ? [] : [type], why: 'it failed' };
  }
  const count = (await conversation.read(1))[0]!;
  if (count > 0) return { version, types: [...(await conversation.read(count))], why: '' };
  const why = await readUntil(conversation, (bytes) => bytes.length > 4, 512);
  return { version, types: [], why: why.subarray(4).toString('latin1') };
}
