import type { ScanCounts, Sighting } from '../../../model/estate.ts';
import { AppError } from '../../../model/errors/index.ts';
import type { PortionReply, PortionReport, ScannerLook } from '../../../model/site.ts';
import type { Tx } from '../../../platform/context.ts';
import type { ScannerIdentity } from '../../../platform/http/route.ts';
import { sightingsFrom } from '../../../scan/scanner/observe.ts';
import type { LiveScopes } from '../live-scopes.ts';
import { addressOfPlace, atPlace } from '../logic/place.ts';
import { after, type Standing, whyRefused } from '../logic/portions.ts';
import { questions } from '../logic/reconcile.ts';
import { looksOf } from '../patrol-report.ts';
import { isDarkSoon } from '../rest.ts';
import { type Ageing, ageEndpoints, storeWindow } from '../results.ts';
import type { Alive } from '../sightings.ts';
import { hostsAround } from '../store-around.ts';
import { lockIdentities } from '../store-hosts.ts';
import type { ScanRow } from '../store-scans.ts';
import { finish, paceOf, scopeOf } from './finish.ts';
import { actorOf, freshScopes, isRefused, restIn, type Sites, termsOf, type Walk, walkOf } from './lease.ts';
import { bogusIn } from './traps.ts';
import {
  countPortions,
  deletePortion,
  lastSeenThere,
  lockPortion,
  lockScan,
  missedAt,
  noteCall,
  noteRefusal,
  type PortionRow,
  releasePortion,
  releasePortionsOf,
  saveSiteProgress,
  scannerRow,
  seenAtSite,
  updatePortion,
} from './store.ts';

/** A scanner whose report was refused gets no work for so long. */
const REFUSED_MS = 24 * 60 * 60_000;

/** What was found until a pause is kept; after its end a scan takes nothing. */
const TAKES: ReadonlySet<string> = new Set(['queued', 'running', 'paused']);

/** After so many leases in which nothing was got on with, somebody else may try. */
const IDLE_LEASES = 20;

interface Taken {
  reply: PortionReply;
  refused: string | null;
}
const stop = (why: string): Taken => ({ reply: { terms: null, why }, refused: null });

/** A scanner tells what it found in its portion, or that it is still at it. The reply says whether it may go on, and how. */
export async function takeReport(
  sites: Sites,
  ageing: Ageing,
  scanner: ScannerIdentity,
  report: PortionReport,
): Promise<PortionReply> {
  const scopes = await freshScopes(sites.platform);
  const { reply, refused } = await sites.platform.observe(actorOf(scanner), (tx) =>
    take({ sites, ageing, scanner, scopes, tx }, report),
  );
  // That it was refused stays written.
  if (refused !== null) throw new AppError('SCANNER_REFUSED', { scan: report.scanId, why: refused });
  return reply;
}

interface Taking {
  sites: Sites;
  ageing: Ageing;
  scanner: ScannerIdentity;
  scopes: LiveScopes;
  tx: Tx;
}

/** Scan and portion are held, so that two reports are taken one after the other. */
interface Held {
  scan: ScanRow;
  portion: PortionRow;
  walk: Walk;
}

async function take(taking: Taking, report: PortionReport): Promise<Taken> {
  const { sites, scanner, tx } = taking;
  const gone = new Date(tx.now.getTime() - sites.times.leaseMs - sites.times.beatMs);
  const caller = await noteCall(tx.db, scanner.scannerId, { at: tx.now, gone });
  if (!caller || isRefused(caller, tx.now))
    return stop('a report of this scanner was refused: it gets no work for a day');
  const scan = await lockScan(tx.db, report.scanId);
  const portion = scan && (await lockPortion(tx.db, report.scanId, report.window));
  if (!scan || scan.site !== scanner.site || !portion) return stop('there is no such portion any more');
  const why = whyNotTaken(scan, portion, { scanner, lease: report.lease });
  if (why !== null) return stop(why);
  const walk = await walkOf(sites, scan);
  const asked = { addresses: walk.order.addressesIn(report.window), ports: walk.ports };
  const refused = whyRefused(report, asked, standingOf(portion));
  if (refused !== null) return refuse(taking, { scan, portion, walk }, refused);
  if (report.seq === portion.seq + 1 && (await apply(taking, { scan, portion, walk }, report)))
    return stop('the portion is done');
  return goOn(taking, { scan, portion, walk }, report);
}

function whyNotTaken(
  scan: ScanRow,
  portion: PortionRow,
  { scanner, lease }: { scanner: ScannerIdentity; lease: string },
): string | null {
  if (portion.lease !== lease || portion.scanner_id !== scanner.scannerId) return 'another scanner has the portion now';
  return TAKES.has(scan.state) ? null : `the scan is ${scan.state}`;
}

const standingOf = ({ not_looked, ...portion }: PortionRow): Standing => ({ ...portion, notLooked: not_looked });

async function refuse({ tx, scanner }: Taking, { scan, portion }: Held, why: string): Promise<Taken> {
  const window = Number(portion.window_index);
  await releasePortionsOf(tx.db, scanner.scannerId);
  await noteRefusal(tx.db, scanner.scannerId, { why, until: new Date(tx.now.getTime() + REFUSED_MS) });
  const row = await scannerRow(tx.db, scanner.scannerId);
  await tx.record({
    type: 'discovery.scanner.refused',
    subject: { kind: 'scanner', id: scanner.scannerId, ...(row ? { name: row.name } : {}) },
    related: [{ kind: 'scan', id: scan.id }, ...scopeOf(scan)],
    detail: { site: scanner.site, window, why, refusals: row?.refusals ?? 0 },
  });
  return { ...stop(why), refused: why };
}

/** Whether it may go on, and with what. */
async function goOn(
  { sites, scopes, tx }: Taking,
  { scan, portion, walk }: Held,
  report: PortionReport,
): Promise<Taken> {
  const at = { scanId: scan.id, window: Number(portion.window_index) };
  const dark = isDarkSoon(scopes, walk.intervals, tx.now);
  const idle = tx.now.getTime() - (portion.moved_at ?? tx.now).getTime() > IDLE_LEASES * sites.times.leaseMs;
  const why = dark ? `a blackout of scope ${dark.scope} is on` : whyOver(scan, report, idle);
  if (dark && scan.state === 'running') await restIn(tx, scan, dark);
  if (why !== null) {
    await releasePortion(tx.db, at);
    return stop(why);
  }
  await updatePortion(tx.db, at, { until: new Date(tx.now.getTime() + sites.times.leaseMs) });
  return { reply: { terms: await termsOf(sites, tx, scopes, { scan, walk }), why: null }, refused: null };
}

function whyOver(scan: ScanRow, { ended }: PortionReport, idle: boolean): string | null {
  if (ended === 'left') return 'it was left';
  if (idle) return 'it does not get on';
  return scan.state === 'running' ? null : `the scan is ${scan.state}`;
}

/** Writes down what is new in a report, once; true when the portion is done. */
async function apply(taking: Taking, held: Held, report: PortionReport): Promise<boolean> {
  const { sites, scanner, tx } = taking;
  const { scan, portion, walk } = held;
  const at = { scanId: scan.id, window: report.window };
  const counts: ScanCounts = { ...scan.counts };
  const { cursor, open, told, notLooked } = after(standingOf(portion), report);
  const moves = cursor > portion.cursor || report.open.length > 0 || report.looks.length > 0;
  await storeLooks(taking, held, report, counts);
  counts.done += cursor - portion.cursor;
  counts.open += report.looks.length;
  const path = (await scannerRow(tx.db, scanner.scannerId))?.path ?? null;
  await saveSiteProgress(tx.db, scan.id, { counts, pace: paceOf(scan, counts, tx.now), path, now: tx.now });
  await tx.publish('scans', { scanId: scan.id });
  if (report.ended !== 'done') {
    const until = new Date(tx.now.getTime() + sites.times.leaseMs);
    const standing = { seq: report.seq!, cursor, open, told, not_looked: notLooked };
    await updatePortion(tx.db, at, { until, ...standing, ...(moves ? { moved_at: tx.now } : {}) });
    if (moves) portion.moved_at = tx.now;
    return false;
  }
  await age(taking, held, notLooked);
  await deletePortion(tx.db, at);
  const isLast = Number(scan.window_index) >= walk.order.windows && (await countPortions(tx.db, scan.id)) === 0;
  if (isLast && ['queued', 'running'].includes(scan.state)) await finish(tx, taking.scopes, scan, walk, counts);
  return true;
}

/** By the server's clock; not before its scan began. */
function seenAt({ ageMs }: ScannerLook, { started_at }: ScanRow, now: Date): Date {
  return new Date(Math.max(started_at?.getTime() ?? 0, now.getTime() - ageMs));
}

/** What was excluded while it looked does not count, nor what is older than what is known. */
async function storeLooks(
  taking: Taking,
  { scan, walk }: Held,
  report: PortionReport,
  counts: ScanCounts,
): Promise<void> {
  const { sites, scanner, scopes, tx } = taking;
  const allowed = report.looks.filter(({ address }) => scopes.allowsScan(scan, address));
  const all = allowed.flatMap((look) =>
    looksOf({ address: look.address, looks: [look] }, seenAt(look, scan, tx.now)).map((one) =>
      look.glance ? { ...one, isGlance: true } : one,
    ),
  );
  const bogus = await bogusIn(tx.db, { scanId: scan.id, site: scanner.site }, all);
  if (bogus.size > 0) counts.bogus = (counts.bogus ?? 0) + bogus.size;
  const told = all.filter(({ address }) => !bogus.has(address));
  const known = await lastSeenThere(tx.db, scanner.site, told);
  const looks = told.filter(
    ({ address, port, at }) => !known.some((one) => one.address === address && one.port === port && one.last_seen > at),
  );
  if (looks.length === 0) return;
  const sightings = sightingsFrom(looks, 'scan').map((sighting): Sighting => ({
    ...sighting,
    site: scanner.site,
    evidence: { ...sighting.evidence, site: scanner.site, scanner: scanner.scannerId },
  }));
  await lockIdentities(tx.db);
  const alive = await aliveSince(tx, sightings, {
    site: scanner.site,
    since: scan.started_at ?? tx.now,
    looksAt: (address) => walk.has(address) && scopes.allowsScan(scan, address),
  });
  await storeWindow(sites.platform, tx, { scanId: scan.id, looks, sightings, alive, counts });
}

/**
 * Nobody can ask there but this site's scanners: whom this scan saw there is there still. Where it does not look, whoever
 * was there is still there, unless others missed it.
 */
async function aliveSince(
  tx: Tx,
  sightings: readonly Sighting[],
  { site, since, looksAt }: { site: string; since: Date; looksAt(address: string): boolean },
): Promise<Alive> {
  const places = questions(await hostsAround(tx.db, sightings), sightings.map(atPlace)).map(({ address }) => address);
  const addresses = [...new Set(places.map(addressOfPlace))];
  const seen = await seenAtSite(tx.db, site, { addresses, since });
  const missed = await missedAt(tx.db, addresses);
  const isAway = (place: string): boolean => !looksAt(addressOfPlace(place)) && !missed.has(place);
  return (place, identifier) =>
    isAway(place) ||
    seen.some(
      (one) =>
        one.address === addressOfPlace(place) &&
        one.identifiers.some(({ kind, value }) => kind === identifier.kind && value === identifier.value),
    );
}

async function age(
  { ageing, scopes, tx }: Taking,
  { scan, portion, walk }: Held,
  notLooked: readonly string[],
): Promise<void> {
  const skipped = new Set(notLooked);
  const isAsked = (address: string): boolean => !skipped.has(address) && scopes.allowsScan(scan, address);
  await ageEndpoints(tx, ageing, {
    addresses: walk.order.addressesIn(Number(portion.window_index)).filter(isAsked),
    ports: walk.ports,
    // Whatever was found open in this scan has been seen since it began.
    isOpen: () => false,
    since: scan.started_at ?? tx.now,
    site: scan.site,
  });
}
