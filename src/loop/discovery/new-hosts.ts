import type { Sighting } from '../../model/estate.ts';
import type { Subject } from '../../model/trail.ts';
import type { EntryDraft, Tx } from '../../platform/context.ts';
import type { Decision } from './logic/reconcile.ts';
import { NAME_RANK, rankOf } from './names.ts';
import { type PlainHostRow, hostRows, insertHosts, namesTaken, type NewHost, updateHost } from './store-hosts.ts';

export const isFresh = (decision: Decision): boolean => ['new', 'clone', 'replaced'].includes(decision.kind);

/** Records for hosts that nobody knew, and who took whose place. */
export async function makeHosts(tx: Tx, decisions: readonly Decision[], sightings: readonly Sighting[]): Promise<void> {
  const fresh = new Map<string, { decision: Decision; sighting: Sighting }>();
  for (const [index, decision] of decisions.entries()) {
    if (isFresh(decision) && !fresh.has(decision.hostId))
      fresh.set(decision.hostId, { decision, sighting: sightings[index]! });
  }
  if (fresh.size === 0) return;
  const all = [...fresh.values()];
  const before = await hostRows(
    tx.db,
    all.flatMap(({ decision }) => decision.replaces ?? []),
  );
  const names = new Names(await namesTaken(tx.db, all.map(({ sighting }) => servedName(sighting)).filter(isText)));
  const made = all.map((one) => madeOf(one, before.get(one.decision.replaces ?? ''), names));
  await insertHosts(
    tx.db,
    made.map(({ host }) => host),
  );
  await tx.recordAll(made.map(foundEntry));
  for (const { decision, sighting, replaced } of made) {
    if (!replaced) continue;
    await updateHost(tx.db, replaced.id, {
      superseded_by: decision.hostId,
      note: `replaced by ${decision.hostId} at ${sighting.address}: ${decision.why}`,
    });
  }
}

/** Names of hosts that are there, and of those that this batch makes. */
class Names {
  readonly #holders: ReadonlyMap<string, readonly string[]>;
  readonly #given = new Set<string>();

  constructor(holders: ReadonlyMap<string, readonly string[]>) {
    this.#holders = holders;
  }

  isTaken(name: string, besides: string): boolean {
    return this.#given.has(name) || (this.#holders.get(name) ?? []).some((id) => id !== besides);
  }

  give(name: string): void {
    this.#given.add(name);
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const servedName = ({ evidence }: Sighting): unknown => evidence?.certificateName;

interface Made {
  host: NewHost;
  decision: Decision;
  sighting: Sighting;
  replaced: PlainHostRow | undefined;
}

function madeOf(
  { decision, sighting }: { decision: Decision; sighting: Sighting },
  replaced: PlainHostRow | undefined,
  names: Names,
): Made {
  const claim = sighting.source === 'import' ? 'known' : 'unknown';
  const note = replaced ? `took the place of ${replaced.name} (${replaced.id}) at ${sighting.address}` : null;
  const { name, rank } = firstName(decision.replaces ?? decision.hostId, sighting, names);
  names.give(name);
  const guess = isText(sighting.evidence?.guess) ? sighting.evidence.guess : null;
  const first_seen = new Date(sighting.at);
  const host = { id: decision.hostId, name, name_rank: rank, claim, guess, note, first_seen } as const;
  return { host, decision, sighting, replaced };
}

function foundEntry({ host: { name, guess, claim }, decision, sighting, replaced }: Made): EntryDraft {
  const related: Subject[] = replaced ? [{ kind: 'host', id: replaced.id, name: replaced.name }] : [];
  if (decision.cloneOf) related.push({ kind: 'host', id: decision.cloneOf });
  return {
    type: 'discovery.host.found',
    subject: { kind: 'host', id: decision.hostId, name },
    related,
    detail: {
      name,
      guess,
      claim,
      addresses: [sighting.address],
      identifiers: sighting.identifiers,
      sources: [sighting.source],
      why: decision.why,
      ...(sighting.via ? { via: sighting.via } : {}),
      ...(replaced ? { replaces: replaced.id, replacesName: replaced.name } : {}),
      ...(decision.cloneOf ? { cloneOf: decision.cloneOf } : {}),
    },
  };
}

/** A machine built anew takes over the name of the one whose place it has. */
function firstName(besides: string, sighting: Sighting, names: Names): { name: string; rank: number } {
  if (sighting.hostname) return { name: sighting.hostname, rank: rankOf(sighting) };
  const served = servedName(sighting);
  if (isText(served) && !names.isTaken(served, besides)) return { name: served, rank: NAME_RANK.certificate };
  return { name: sighting.address, rank: NAME_RANK.address };
}
