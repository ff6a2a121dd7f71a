import { createHash } from 'node:crypto';
import { normalAddress } from '../../../scan/logic/address.ts';
import type { PushedSource, SourceRecord } from './contract.ts';

/**
 * sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Where people log in is where machines are. A key that is written down there
 * may be years old, so it is evidence and not who the machine is.
 */
export const knownHosts: PushedSource = {
  kind: 'known-hosts',
  of: 'addresses',
  how: 'pushed',
  title: 'SSH known_hosts',
  needs: 'A known_hosts file, such as of a jump host. Hashed names (HashKnownHosts) cannot be read and are counted.',
  isList: false,
  fields: [],
  parse: (text, { skip }) => {
    const records = new Map<string, SourceRecord>();
    for (const [index, line] of text.split('\n').entries()) {
      for (const record of readLine(line.trim(), index + 1, skip)) {
        const before = records.get(record.id);
        records.set(record.id, before ? { ...before, evidence: { ...before.evidence, ...record.evidence } } : record);
      }
    }
    return [...records.values()];
  },
};

function readLine(line: string, number: number, skip: (why: string) => void): SourceRecord[] {
  if (line === '' || line.startsWith('#')) return [];
  const fields = line.split(/\s+/);
  const marker = fields[0]!.startsWith('@') ? fields.shift() : undefined;
  const [names, type, key] = fields;
  if (!key || !/^[A-Za-z0-9+/]+={0,2}$/.test(key)) throw new Error(`line ${number} is no line of known_hosts`);
  if (marker !== undefined) {
    skip(marker === '@revoked' ? 'key that is revoked' : 'key of an authority');
    return [];
  }
  if (names!.startsWith('|1|')) {
    skip('name that is hashed');
    return [];
  }
  const fingerprint = `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;
  return names!.split(',').flatMap((name) => {
    const host = /^\[([^\]]+)\]:\d+$/.exec(name)?.[1] ?? name;
    if (/[*?!]/.test(host)) {
      skip('pattern instead of a name');
      return [];
    }
    const address = normalAddress(host);
    return [
      {
        id: host,
        addresses: address ? [address] : [],
        ...(address ? {} : { resolve: [host] }),
        evidence: { [type!]: fingerprint },
      },
    ];
  });
}
