import type { SharedAddress, Sighting } from '../../model/estate.ts';
import type { Tx } from '../../platform/context.ts';
import type { Decision, KnownHost } from './logic/reconcile.ts';
import { addressOfPlace, spaceOfPlace } from './logic/place.ts';
import { besideOwn, type Face, identityOf, type Shown, shownBy, turned } from './logic/shared.ts';
import { firmIdentifiers } from './store-around.ts';
import { hostIdAt, hostRows, noteDecisions } from './store-hosts.ts';
import { facesAt, keepFace, othersHad, sharedAddresses } from './store-shared.ts';

/** What a batch of sightings says of addresses that several machines have. `hosts`, `faces`: as they were before it. */
export async function noteFaces(
  tx: Tx,
  decisions: readonly Decision[],
  sightings: readonly Sighting[],
  { hosts, faces }: { hosts: readonly KnownHost[]; faces: ReadonlyMap<string, readonly Face[]> },
): Promise<void> {
  await noteShown(tx, shownBy(decisions, sightings, hosts, faces));
}

/** Keeps who was shown where. The first time that an address is seen to be several machines', it says so. */
async function noteShown(tx: Tx, shown: readonly Shown[]): Promise<void> {
  if (shown.length === 0) return;
  const addresses = [...new Set(shown.map(({ address }) => address))];
  const all = await facesAt(tx.db, addresses);
  const before = await sharedAddresses(tx.db, addresses);
  for (const one of shown) {
    const known = all.get(one.address) ?? [];
    const face = turned(known, one);
    await keepFace(tx.db, face);
    all.set(one.address, [...known.filter(({ identity }) => identity !== face.identity), face]);
  }
  const after = await sharedAddresses(tx.db, addresses);
  for (const address of addresses) {
    const is = after.get(address);
    if (is && is.kind !== before.get(address)?.kind) await tell(tx, is);
  }
}

async function tell(tx: Tx, shared: SharedAddress): Promise<void> {
  const { address, kind, members, why } = shared;
  const holder = await hostIdAt(tx.db, addressOfPlace(address), spaceOfPlace(address));
  const ids = [...new Set([...(holder ? [holder] : []), ...members])];
  const rows = await hostRows(tx.db, ids);
  const subjects = ids.flatMap((id) => {
    const row = rows.get(id);
    return row ? [{ kind: 'host' as const, id, name: row.name }] : [];
  });
  await noteDecisions(
    tx.db,
    subjects.map(({ id }) => ({ hostId: id, at: tx.now, kind: 'shared', address, why: `${kind}: ${why}` })),
  );
  const [subject, ...related] = subjects;
  if (!subject) return;
  const detail = { address, kind, members: members.map((id) => rows.get(id)?.name ?? id), why };
  await tx.record({ type: 'discovery.host.shared', subject, related, detail });
}

/** An agent reports an address beside its own that another agent's machine has or had as well. */
export async function noteCarried(tx: Tx, hostId: string, addresses: readonly string[]): Promise<void> {
  const carried = await othersHad(tx.db, hostId, besideOwn(addresses));
  if (carried.length === 0) return;
  const identity = identityOf(await firmIdentifiers(tx.db, hostId));
  if (identity === null) return;
  await noteShown(
    tx,
    carried.map((address) => ({ address, identity, recordId: hostId, how: 'agent', at: tx.now })),
  );
}
