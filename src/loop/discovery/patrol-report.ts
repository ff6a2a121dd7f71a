import type { Identifier, Sighting } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import type { PatrolCounts, PatrolReply, PatrolReport, PatrolSeen } from '../../model/patrol.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { plainText } from '../../model/text.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { identifiersOf, nameFrom } from '../../scan/logic/describe.ts';
import { guessOf } from '../../scan/logic/device.ts';
import { patrolWindows, rangesOf } from '../../scan/logic/patrol.ts';
import { containsAddress } from '../../scan/logic/targets.ts';
import type { Look } from '../../scan/look.ts';
import { readAnew } from './certificates.ts';
import { weigh } from './logic/hearsay.ts';
import { harmless, ownMacs, proxied, whyRefused } from './logic/patrol-report.ts';
import { addressOfPlace, atPlace } from './logic/place.ts';
import { questions } from './logic/reconcile.ts';
import { recordLooks } from './looks.ts';
import { endPatrol, type PatrolAgent, stillAllowed, whyOver } from './patrols.ts';
import { type Ageing, ageEndpoints } from './results.ts';
import { type Alive, recordSightings } from './sightings.ts';
import { hostRow, lockIdentities, noteDecision } from './store-hosts.ts';
import { holdHosts } from './store-presence.ts';
import { noteHearsay } from './store-seen.ts';
import { isActive, lockPatrol, type PatrolRow, seenSince, touchedBy, updatePatrol } from './store-patrols.ts';
import { findReach } from './store-scans.ts';

interface Taken {
  reply: PatrolReply;
  refused: string | null;
}

/** An agent tells what it saw in one window, or that it is still at it. The reply says what it may still look at. */
export async function takeReport(
  platform: Platform,
  ageing: Ageing,
  agent: PatrolAgent,
  report: PatrolReport,
): Promise<PatrolReply> {
  const { reply, refused } = await platform.observe(
    { kind: 'agent', id: agent.agentId, name: agent.agentId },
    async (tx) => take(platform, tx, ageing, { agent, report }),
  );
  // That it was refused stays written.
  if (refused !== null) throw new AppError('PATROL_REFUSED', { id: report.id, why: refused });
  return reply;
}

const stop = (why: string): Taken => ({ reply: { ranges: [], why }, refused: null });

async function take(
  platform: Platform,
  tx: Tx,
  ageing: Ageing,
  { agent, report }: { agent: PatrolAgent; report: PatrolReport },
): Promise<Taken> {
  const row = await lockPatrol(tx.db, report.id);
  if (!row || row.agent_id !== agent.agentId) return stop('there is no such patrol of this agent');
  if (!isActive(row)) return stop(row.error ?? `the patrol is ${row.state}`);
  const scopes = await findReach(tx.db);
  const over = whyOver(row, scopes, tx.now) ?? ownRefusal(report);
  if (over) {
    await endPatrol(tx, row, over);
    return stop(over.error);
  }
  const windows = patrolWindows(row.ranges, Number(row.seed));
  const refused = whyNot(row, report, windows);
  if (refused !== null) {
    await endPatrol(tx, row, { state: 'refused', error: refused });
    return { ...stop(refused), refused };
  }
  const allowed = stillAllowed(row, scopes);
  if (report.window === row.next_window) {
    const inWindow = windows.addressesIn(report.window).filter((address) => containsAddress(allowed, address));
    await storeWindow(platform, tx, ageing, { row, seen: report.seen, asked: inWindow });
  } else await updatePatrol(tx.db, row.id, { state: 'running', startedAt: tx.now });
  if (report.ended?.how === 'done') await endPatrol(tx, row, { state: 'done' });
  return { reply: { ranges: rangesOf(allowed), why: null }, refused: null };
}

function ownRefusal({ ended }: PatrolReport): { state: 'declined'; error: string } | null {
  if (ended?.how !== 'refused') return null;
  return { state: 'declined', error: `the agent would not: ${plainText(ended.why ?? 'no reason given', 300)}` };
}

/** A window that was taken already comes again when our answer was lost; one that is not due yet does not come. */
function whyNot(row: PatrolRow, report: PatrolReport, windows: ReturnType<typeof patrolWindows>): string | null {
  if (report.ended?.how === 'done' && row.next_window < windows.windows) return 'it says that it is done, and is not';
  if (report.window === null) return report.seen.length > 0 ? 'it tells about no window' : null;
  if (report.window > row.next_window || report.window >= windows.windows) return 'it tells about a window too early';
  return whyRefused(report, { addresses: windows.addressesIn(report.window), ports: row.ports });
}

interface Window {
  row: PatrolRow;
  seen: readonly PatrolSeen[];
  /** addresses of the window that were still allowed */
  asked: string[];
}

async function storeWindow(platform: Platform, tx: Tx, ageing: Ageing, window: Window): Promise<void> {
  const { row, asked } = window;
  // What was excluded while it looked does not count.
  const allowed = window.seen.filter(({ address }) => asked.includes(address));
  const empty = proxied(allowed);
  const seen = allowed.filter(({ address }) => !empty.has(address));
  const looks = new Map(seen.map((one) => [one.address, looksOf(one, tx.now)]));
  const sightings = await sightingsOf(tx, row, looks, ownMacs(allowed));
  const counts = { ...row.counts };
  const strangers = await weighed(tx, sightings, counts);
  const since = row.started_at ?? tx.now;
  const decisions = await recordSightings(platform, tx, strangers, await aliveSince(tx, strangers, since));
  for (const [index, { hostId, kind }] of decisions.entries()) {
    const here = looks.get(strangers[index]!.address)!;
    await recordLooks(platform, tx, hostId, here, row.host_id);
    if (kind === 'new' || kind === 'clone' || kind === 'replaced') counts.strangers++;
  }
  const open = new Set(allowed.flatMap(({ address, looks: at }) => at.map(({ port }) => `${address} ${port}`)));
  await ageEndpoints(tx, ageing, {
    addresses: asked,
    ports: row.ports,
    isOpen: ({ address, port }) => open.has(`${address} ${port}`),
    by: 'agent',
    site: row.site,
  });
  counts.asked += asked.length;
  counts.answered += seen.length;
  counts.open += open.size;
  counts.proxied += empty.size;
  row.counts = counts;
  row.next_window++;
  row.started_at ??= tx.now;
  await updatePatrol(tx.db, row.id, { state: 'running', nextWindow: row.next_window, counts, startedAt: since });
  await tx.publish('scans', { patrolId: row.id });
}

/** What others read, as we would have written it down; certificates are read anew. */
export function looksOf({ address, looks }: Pick<PatrolSeen, 'address' | 'looks'>, at: Date): Look[] {
  return looks.map(({ port, result, error }) => {
    const read = result && readAnew(harmless(result));
    const unread = result && !read ? 'the certificate that was told of is none' : null;
    return { address, port, at, result: read, error: unread ?? (error === null ? null : plainText(error, 300)) };
  });
}

async function sightingsOf(
  tx: Tx,
  row: PatrolRow,
  looks: ReadonlyMap<string, Look[]>,
  macs: ReadonlyMap<string, string>,
): Promise<Sighting[]> {
  const agent = (await hostRow(tx.db, row.host_id))?.name ?? row.host_id;
  return [...looks].map(([address, here]) => {
    const probes = here.flatMap(({ result }) => (result ? [result] : []));
    const mac = macs.get(address);
    const own: Identifier[] = mac === undefined ? [] : [{ kind: 'mac', value: mac }];
    return {
      source: 'agent-scan',
      address,
      at: tx.now.toISOString(),
      identifiers: [...probes.flatMap(identifiersOf), ...own],
      via: row.host_id,
      ...(row.site === LOCAL_SITE ? {} : { site: row.site }),
      evidence: {
        ports: here.map(({ port }) => port),
        guess: guessOf({
          endpoints: here.map(({ port, result }) => ({ port, probe: result })),
          macs: mac === undefined ? [] : [mac],
        }),
        certificateName: nameFrom(probes),
        agent,
        patrol: row.id,
      },
    };
  });
}

/** Those that nobody but agents knows; the others are noted where they are known. */
async function weighed(tx: Tx, sightings: readonly Sighting[], counts: PatrolCounts): Promise<Sighting[]> {
  await lockIdentities(tx.db);
  const hosts = await touchedBy(tx.db, sightings);
  // All at once, before anything is told of any of them (decision 0103).
  await holdHosts(
    tx.db,
    hosts.map(({ id }) => id),
  );
  const strangers: Sighting[] = [];
  for (const sighting of sightings) {
    const weight = weigh(hosts, atPlace(sighting));
    if (weight.kind === 'record') {
      strangers.push(sighting);
      continue;
    }
    counts.known++;
    if (weight.differs) counts.differ++;
    const host = hosts.find(({ id }) => id === weight.hostId)!;
    if (weight.differs) continue;
    await noteHearsay(tx.db, host.id, sighting);
    if (weight.isThere) continue;
    const why = `the agent on ${String(sighting.evidence?.['agent'])} saw its identity at ${sighting.address}`;
    await noteDecision(tx.db, { hostId: host.id, at: tx.now, kind: 'told', address: sighting.address, why });
  }
  return strangers;
}

/** Nobody can look there but agents: whom this patrol saw there is there still. */
async function aliveSince(tx: Tx, sightings: readonly Sighting[], since: Date): Promise<Alive> {
  const asked = questions(await touchedBy(tx.db, sightings), sightings.map(atPlace)).map(({ address }) => address);
  const seen = await seenSince(tx.db, asked.map(addressOfPlace), since);
  return (place, identifier) =>
    seen.some(
      (one) =>
        one.address === addressOfPlace(place) &&
        one.identifiers.some(({ kind, value }) => kind === identifier.kind && value === identifier.value),
    );
}
