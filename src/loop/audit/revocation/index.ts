import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../../../model/actor.ts';
import type { Endpoint } from '../../../model/estate.ts';
import { type CertificateInfo, chainsOf, tlsOf } from '../../../model/probe.ts';
import type { Platform, Tx } from '../../../platform/context.ts';
import { RevocationLists } from '../../../platform/pki/revocation-list.ts';
import type { Discovery } from '../../discovery/index.ts';
import { afterAsking, type Asked, nextAsk, standing } from '../logic/revocation.ts';
import { askAbout, type Asker } from './ask.ts';
import { trustedNow } from './trusted.ts';
import {
  hostsServing,
  leaveDue,
  noteServed,
  saveStatus,
  type Served,
  statusesOf,
  type StatusRow,
  takeDue,
} from './store.ts';

const ACTOR = systemActor('audit.revocation');
/** One run: for most of the minute until the next, and no more of one kind of list in memory than a few. */
const RUN_MS = 50_000;
const AT_ONCE = 10;
const HOLD_MS = 10 * 60_000;
const LISTS_KEPT = 4;
const LIST_LIMIT = 16 * 1024 * 1024;
const MOST_URLS = 5;
const MOST_ABOVE = 4;
const LONGEST_URL = 2000;
/** What a URL is written with (RFC 3986): anything else is for a database or a terminal to trip over. */
const PLAIN = /^[\x21-\x7e]+$/;

/** Certificates of open listeners whose authority says where it can be asked. */
export function askable(endpoints: readonly Endpoint[], now: Date): Served[] {
  const found = endpoints
    .filter((endpoint) => endpoint.state === 'open')
    .flatMap((endpoint) => chainsOf(tlsOf(endpoint.probe)))
    .flatMap(([leaf, ...above]) => {
      return leaf && Date.parse(leaf.notAfter) > now.getTime() ? servedOf(leaf, above) : [];
    });
  return [...new Map(found.map((one) => [one.fingerprint, one])).values()];
}

function servedOf(leaf: CertificateInfo, [issuer, ...rest]: readonly CertificateInfo[]): Served[] {
  const bounded = (urls: readonly string[]): string[] =>
    urls.filter((url) => url.length <= LONGEST_URL && PLAIN.test(url)).slice(0, MOST_URLS);
  const { fingerprint, spki, pem } = leaf;
  const [crlUrls, ocspUrls] = [bounded(leaf.crlUrls), bounded(leaf.ocspUrls)];
  if (crlUrls.length + ocspUrls.length === 0 || leaf.subject === leaf.issuer) return [];
  const issuerPem = issuer?.subject === leaf.issuer ? issuer.pem : null;
  const chain = issuerPem === null ? [] : rest.slice(0, MOST_ABOVE).map((one) => one.pem);
  return [{ fingerprint, spki, pem, issuerPem, chain, crlUrls, ocspUrls }];
}

export async function noteAskable(platform: Platform, tx: Tx, endpoints: readonly Endpoint[]): Promise<void> {
  if (platform.config.revocation !== 'off') await noteServed(tx.db, askable(endpoints, tx.now), tx.now);
}

/** What is known now of the certificates of these listeners. Without leave to ask, only what was said before and holds. */
export async function askedOf(platform: Platform, endpoints: readonly Endpoint[]): Promise<Asked> {
  const now = platform.now();
  const served = askable(endpoints, now);
  const rows = await statusesOf(
    platform.db,
    served.map((one) => one.fingerprint),
  );
  const said = rows.map((row) => [row.fingerprint, standing(row, now)] as const);
  return new Map(platform.config.revocation !== 'off' ? said : said.filter(([, one]) => one.status !== 'unknown'));
}

export interface RevocationContext {
  platform: Platform;
  discovery: Pick<Discovery, 'reach'>;
  /** between two requests, whoever is asked */
  pauseMs: number;
  runMs?: number;
}

/** Timer: asks about the certificates whose time has come, a few requests a second at most. */
export async function askDue({ platform, discovery, pauseMs, runMs = RUN_MS }: RevocationContext): Promise<void> {
  const { revocation, revocationPorts: ports, revocationAuthorities: added } = platform.config;
  if (revocation === 'off') return;
  const until = performance.now() + runMs;
  const refuses = await discovery.reach();
  const lists = new RevocationLists({ refuses, limit: LIST_LIMIT }, LISTS_KEPT);
  let free = performance.now();
  const pace = async (): Promise<void> => {
    const at = Math.max(free, performance.now());
    free = at + pauseMs;
    await sleep(Math.max(0, at - performance.now()));
  };
  const { trusted, why } = revocation === 'ask-any' ? { trusted: null, why: null } : await trustedNow(added);
  if (why !== null)
    platform.log.warn({ file: added, why }, 'LASTEMBER_REVOCATION_AUTHORITIES names a file that adds no authority');
  const asker: Asker = { lists, refuses, ports, trusted, pace, now: () => platform.now() };
  while (performance.now() < until) {
    const now = platform.now();
    const due = await platform.observe(ACTOR, (tx) => takeDue(tx.db, now, AT_ONCE, HOLD_MS));
    if (due.length === 0) return;
    for (const [index, row] of due.entries()) {
      if (performance.now() < until) await askOne(platform, asker, row);
      else return giveBack(platform, due.slice(index), now);
    }
  }
}

/** Whoever answers slowly, or not at all, takes no more than a run of those who wait behind: they wait for the next. */
async function giveBack(platform: Platform, rows: readonly StatusRow[], now: Date): Promise<void> {
  const fingerprints = rows.map(({ fingerprint }) => fingerprint);
  await platform.observe(ACTOR, (tx) => leaveDue(tx.db, fingerprints, now));
}

async function askOne(platform: Platform, asker: Asker, row: StatusRow): Promise<void> {
  const { answer, issuer } = await askAbout(asker, row);
  const now = platform.now();
  const known = afterAsking(row, answer, now);
  await platform.observe(ACTOR, async (tx) => {
    await saveStatus(tx.db, row.fingerprint, known, { nextAt: nextAsk(known, now), issuerPem: issuer });
    if (standing(row, now).status === standing(known, now).status) return;
    for (const hostId of await hostsServing(tx.db, row))
      await tx.enqueue('audit.host', { hostId }, { singletonKey: hostId });
  });
}

/** Those of these certificates that are revoked, as far as their authorities were asked. */
export async function revokedAmong(platform: Platform, fingerprints: readonly string[]): Promise<Set<string>> {
  const rows = await statusesOf(platform.db, [...new Set(fingerprints)]);
  return new Set(rows.filter((row) => row.status === 'revoked').map((row) => row.fingerprint));
}
