import { oneLine } from '../../../model/text.ts';
import type { Sighting } from '../../../model/estate.ts';
import type { SourceKind, SourceRecord } from '../../../model/source.ts';
import { normalAddress, tellsMachinesApart } from '../../../scan/logic/address.ts';

const MOST_ADDRESSES = 64;
const MOST_IDENTIFIERS = 16;
const MOST_TAGS = 40;
const LONGEST = 200;

/** A record with each of its addresses in one spelling; those that say nothing about a machine are left out. */
export function usableRecord(record: SourceRecord): SourceRecord {
  const normal = record.addresses.map((one) => normalAddress(one.trim())).filter((one) => one !== null);
  const addresses = [...new Set(normal.filter(tellsMachinesApart))].slice(0, MOST_ADDRESSES);
  return {
    ...record,
    addresses,
    name: nameOf(record.name),
    id: oneLine(record.id, LONGEST),
    owner: oneLine(record.owner ?? '', 120) || undefined,
    guess: oneLine(record.guess ?? '', LONGEST) || undefined,
    evidence: Object.fromEntries(
      Object.entries(record.evidence ?? {}).map(([key, value]) => [oneLine(key, 60), oneLine(value, LONGEST)]),
    ),
    identifiers: (record.identifiers ?? [])
      .slice(0, MOST_IDENTIFIERS)
      .map(({ kind, value }) => ({ kind, value: oneLine(value, LONGEST) })),
    tags: usableTags(record.tags ?? {}),
  };
}

/** A name as a name server could have it; others call their machines what they like. */
function nameOf(name: string | undefined): string | undefined {
  const plain = name?.trim().replace(/\.$/, '').toLowerCase().slice(0, 253) ?? '';
  return /^[\p{L}\p{N}]([\p{L}\p{N}._ -]*[\p{L}\p{N}])?$/u.test(plain) ? plain.replaceAll(' ', '-') : undefined;
}

/** Keys as our tags have them; values cut to what a tag may hold. */
export function usableTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(tags).flatMap(([key, value]) => {
    const usable = key
      .toLowerCase()
      .replaceAll(/[^a-z0-9_.-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 40);
    return usable === '' ? [] : [[usable, oneLine(value, 120)] as const];
  });
  return Object.fromEntries(pairs.slice(0, MOST_TAGS));
}

/**
 * One sighting an address. Addresses where something was measured come first: whoever is there is the machine, and the
 * others are its further addresses.
 */
export function sightingsOf(
  source: { id: string; name: string; kind: SourceKind; of: 'machines' | 'addresses' },
  record: SourceRecord,
  about: { at: string; isMeasured(address: string): boolean },
): Sighting[] {
  const listed =
    source.of === 'machines' ? [{ kind: 'inventory-id' as const, value: `${source.id}/${record.id}` }] : [];
  const first = record.addresses.filter(about.isMeasured);
  const rest = record.addresses.filter((address) => !about.isMeasured(address));
  return [...first, ...rest].map((address) => ({
    source: source.kind,
    address,
    at: about.at,
    identifiers: [...(record.identifiers ?? []), ...listed],
    ...(record.name ? { hostname: record.name } : {}),
    evidence: {
      ...record.evidence,
      by: source.name,
      called: record.id,
      ...(record.guess ? { guess: record.guess } : {}),
    },
  }));
}
