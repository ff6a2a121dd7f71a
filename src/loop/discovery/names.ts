import type { Sighting } from '../../model/estate.ts';
import type { Tx } from '../../platform/context.ts';
import { isListed } from './logic/reconcile.ts';
import { settledNames } from './logic/names.ts';
import { hostRow, nameIsTaken, namesTaken, setNames, updateHost } from './store-hosts.ts';

/** Name ranks: what a name rests on. A better source renames, a worse one never does. */
export const NAME_RANK = { address: 0, certificate: 1, list: 2, host: 3 } as const;

export const rankOf = (sighting: Sighting): number => (sighting.source === 'agent' ? NAME_RANK.host : NAME_RANK.list);

/** Two systems call a machine differently, each at every reading: the first name stays until a better source tells one. */
export function mayRename(sighting: Sighting, rank: number): boolean {
  const own = rankOf(sighting);
  return isListed(sighting) && sighting.source !== 'import' ? own > rank : own >= rank;
}

/** Takes a name that rests on something at least as good, unless another present host has it. */
export async function renameHost(tx: Tx, hostId: string, name: string, rank: number): Promise<void> {
  const row = await hostRow(tx.db, hostId);
  if (!row || row.name === name || rank < row.name_rank) return;
  if (rank < NAME_RANK.host && (await nameIsTaken(tx.db, name, hostId))) return;
  await updateHost(tx.db, hostId, { name, name_rank: rank });
  await tx.record(renamed(hostId, row.name, name));
}

/** Hosts that are called by their addresses are called by their new ones after a move, also those that swapped theirs. */
export async function renameMoved(
  tx: Tx,
  moved: readonly { id: string; name: string; address: string }[],
): Promise<void> {
  const wanted = new Map(moved.filter(({ name, address }) => name !== address).map((m) => [m.id, m.address]));
  const named = settledNames(wanted, await namesTaken(tx.db, [...wanted.values()]));
  await setNames(tx.db, named, NAME_RANK.address);
  const before = new Map(moved.map(({ id, name }) => [id, name]));
  await tx.recordAll([...named].map(([id, name]) => renamed(id, before.get(id)!, name)));
}

function renamed(id: string, before: string, name: string) {
  return {
    type: 'discovery.host.changed',
    subject: { kind: 'host' as const, id, name },
    detail: { before: { name: before }, after: { name }, why: 'a better name is known' },
  };
}
