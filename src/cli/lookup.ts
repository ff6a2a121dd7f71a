import type { Client } from '../client/client.ts';
import { LEAST_OF_ID } from '../model/short-id.ts';
import { UsageError } from './exit.ts';

/** Ids are long; in tables their last characters stand for them, and every command takes those, too. */
const SHORT = 8;
export const short = (id: string): string => id.slice(-SHORT);

interface Named {
  id: string;
  name?: string;
  addresses?: readonly string[];
}

/** The one thing that is meant by an id, the end of one, a name or an address. */
export function pick<T extends Named>(items: readonly T[], ref: string, what: string, listWith: string): T {
  const exact = items.filter((item) => item.id === ref || item.name === ref || item.addresses?.includes(ref));
  const found = exact.length > 0 || ref.length < LEAST_OF_ID ? exact : items.filter((item) => item.id.endsWith(ref));
  if (found.length === 1) return found[0]!;
  if (found.length === 0)
    throw new UsageError(`there is no ${what} "${ref}"; list them with \`lastember ${listWith}\``);
  throw new UsageError(`"${ref}" may mean ${found.map((item) => item.id).join(' or ')}; give the whole id`);
}

export async function hostIdOf(client: Client, ref: string): Promise<string> {
  const found = ref === '' ? [] : (await client.listHosts({ query: { ref } })).items;
  return pick(found, ref, 'host', 'hosts').id;
}

/** Whole ids are taken as they are; the server says if there is no such thing. */
export async function findingIdOf(client: Client, ref: string): Promise<string> {
  if (ref.startsWith('finding_')) return ref;
  const found = ref.length < LEAST_OF_ID ? [] : (await client.listFindings({ query: { ref } })).items;
  return pick(found, ref, 'finding', 'findings --all').id;
}

export async function scanIdOf(client: Client, ref: string): Promise<string> {
  if (ref.startsWith('scan_')) return ref;
  return pick((await client.listScans()).items, ref, 'scan', 'scans').id;
}

export async function changeIdOf(client: Client, ref: string): Promise<string> {
  if (ref.startsWith('change_')) return ref;
  const items = (await client.listChanges()).items.map(({ id }) => ({ id }));
  return pick(items, ref, 'change', 'change list').id;
}
