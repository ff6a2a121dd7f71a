import type { Sighting } from '../../model/estate.ts';
import type { Tx } from '../../platform/context.ts';
import { isListed } from './logic/reconcile.ts';
import { settledNames } from './logic/names.ts';
import { hostRows, namesTaken, setNames } from './store-hosts.ts';

/** Name ranks: what a name rests on. A better source renames, a worse one never does. */
export const NAME_RANK = { address: 0, certificate: 1, list: 2, host: 3 } as const;

export const rankOf = (sighting: Sighting): number => (sighting.source === 'agent' ? NAME_RANK.host : NAME_RANK.list);

/** Two systems call a machine differently, each at every reading: the first name stays until a better source tells one. */
export function mayRename(sighting: Sighting, rank: number): boolean {
  const own = rankOf(sighting);
  return isListed(sighting) && sighting.source !== 'import' ? own > rank : own >= rank;
}

/** Takes a name that rests on something at least as good, unless another present host has it. */
export const renameHost = (tx: Tx, hostId: string, name: string, rank: number): Promise<void> =>
  renameHosts(tx, [{ id: hostId, name }], rank);

/** The same for many, each once and in this order: a name that one of them gives up is free for those after it. */
export async function renameHosts(
  tx: Tx,
  wanted: readonly { id: string; name: string }[],
  rank: number,
): Promise<void> {
  if (wanted.length === 0) return;
  const rows = await hostRows(
    tx.db,
    wanted.map(({ id }) => id),
  );
  const open = wanted.flatMap(({ id, name }) => {
    const row = rows.get(id);
    return row && row.name !== name && rank >= row.name_rank ? [{ id, name, before: row.name }] : [];
  });
  const isFree = rank < NAME_RANK.host ? freeNames(await namesTaken(tx.db, open.map(nameOf))) : () => true;
  const renames = open.filter(isFree);
  await setNames(tx.db, new Map(renames.map(({ id, name }) => [id, name])), rank);
  await tx.recordAll(renames.map(({ id, before, name }) => renamed(id, before, name)));
}

const nameOf = ({ name }: { name: string }): string => name;

/** Whether nobody else has that name; whoever asks and hears yes has it then. */
function freeNames(taken: ReadonlyMap<string, readonly string[]>) {
  const holders = new Map([...taken].map(([name, ids]) => [name, new Set(ids)]));
  return ({ id, name, before }: { id: string; name: string; before: string }): boolean => {
    const own = holders.get(name) ?? new Set();
    if ([...own].some((other) => other !== id)) return false;
    holders.get(before)?.delete(id);
    holders.set(name, own.add(id));
    return true;
  };
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
