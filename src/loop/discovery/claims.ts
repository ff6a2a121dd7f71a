import { lookup } from 'node:dns/promises';
import type { Actor } from '../../model/actor.ts';
import type { Claim, Host, Sighting, Tags } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Subject } from '../../model/trail.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { type ListedHost, parseHostList } from './logic/host-list.ts';
import { recordSightings } from './sightings.ts';
import { findHost, findHosts, hostRow, updateHost } from './store-hosts.ts';
import { rejudge } from './rejudge.ts';

export interface ClaimInput {
  owner?: string | undefined;
  reason?: string | undefined;
  /** `ignored`: so long */
  until?: string | undefined;
  tags?: Tags | undefined;
}

/** Somebody says what an unknown host is: theirs (`known`), or looked at and set aside (`ignored`). */
export async function claimHost(
  platform: Platform,
  actor: Actor,
  id: string,
  claim: Claim,
  input: ClaimInput,
): Promise<Host> {
  const host = await mustFind(platform, id);
  const type = claim === 'ignored' ? 'discovery.host.ignored' : 'discovery.host.claimed';
  const subject: Subject = { kind: 'host', id, name: host.name };
  const detail = {
    before: host.claim,
    after: claim,
    owner: input.owner ?? host.owner,
    reason: input.reason ?? null,
    until: input.until ?? null,
  };
  await platform.act(
    actor,
    { type, subject, ...(input.reason ? { reason: input.reason } : {}), detail },
    async (tx) => {
      await updateHost(tx.db, id, {
        claim,
        ignored_until: claim === 'ignored' && input.until ? new Date(input.until) : null,
        ...(input.owner === undefined ? {} : { owner: input.owner }),
        ...(input.tags === undefined ? {} : { tags: JSON.stringify({ ...host.tags, ...input.tags }) }),
      });
      await afterwards(tx, id);
    },
  );
  return mustFind(platform, id);
}

export async function tagHost(platform: Platform, actor: Actor, id: string, tags: Tags): Promise<Host> {
  const host = await mustFind(platform, id);
  const subject: Subject = { kind: 'host', id, name: host.name };
  const detail = { before: { tags: host.tags }, after: { tags } };
  await platform.act(actor, { type: 'discovery.host.tagged', subject, detail }, async (tx) => {
    await updateHost(tx.db, id, { tags: JSON.stringify(tags) });
    await afterwards(tx, id);
  });
  return mustFind(platform, id);
}

/** For whoever brings a host in and was told what it is. */
export async function addTags(tx: Tx, hostId: string, tags: Tags): Promise<void> {
  if (Object.keys(tags).length === 0) return;
  const before = (await hostRow(tx.db, hostId))?.tags ?? {};
  const after = { ...before, ...tags };
  await updateHost(tx.db, hostId, { tags: JSON.stringify(after) });
  const detail = { before: { tags: before }, after: { tags: after } };
  await tx.record({ type: 'discovery.host.tagged', subject: await subjectOf(tx, hostId), detail });
  await afterwards(tx, hostId);
}

/** Policies may depend on claim and tags, so the host is judged again. */
async function afterwards(tx: Tx, hostId: string): Promise<void> {
  await rejudge(tx, hostId);
  await tx.publish('hosts', { hostId });
}

async function mustFind(platform: Platform, id: string): Promise<Host> {
  const host = await findHost(platform.db, id);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
  return host;
}

export interface Imported {
  hosts: Host[];
  skipped: { line: number; target: string; why: string }[];
}

/** A list of what somebody knows they have: each line's host becomes `known`, whether or not a scan has seen it yet. */
export async function importHosts(platform: Platform, actor: Actor, text: string): Promise<Imported> {
  const listed = parseHostList(text);
  const found = await Promise.all(listed.map(async (host) => ({ host, address: await addressOf(host) })));
  const skipped = found
    .filter((one) => one.address === null)
    .map(({ host }) => ({ line: host.line, target: host.target, why: 'the name does not resolve' }));
  const usable = found.flatMap(({ host, address }) => (address === null ? [] : [{ host, address }]));
  if (usable.length === 0) return { hosts: [], skipped };
  const ids: string[] = [];
  const subject: Subject = { kind: 'system', id: 'host-list', name: 'imported host list' };
  await platform.act(actor, { type: 'discovery.host.claimed', subject }, async (tx, entry) => {
    const sightings = usable.map(({ host, address }) => sightingOf(host, address, tx.now));
    const decisions = await recordSightings(platform, tx, sightings);
    for (const [index, { hostId }] of decisions.entries()) await applyListed(tx, hostId, usable[index]!.host);
    ids.push(...new Set(decisions.map((decision) => decision.hostId)));
    entry.related = await Promise.all(ids.map((id) => subjectOf(tx, id)));
    entry.detail = { reason: 'on an imported list', lines: listed.length, hosts: ids.length, skipped };
  });
  return { hosts: await findHosts(platform.db, { ids }), skipped };
}

export interface ReadRow extends Omit<ListedHost, 'target'> {
  target: string;
  address: string | null;
  /** what is wrong with the row; null: nothing */
  why: string | null;
}

/** Reads a list row by row, so that each says what is wrong with it. Nothing is written. */
export async function readList(text: string): Promise<ReadRow[]> {
  const lines = text.split(/\r?\n/).map((content, index) => ({ content: content.trim(), line: index + 1 }));
  const full = lines.filter(({ content }) => content !== '' && !content.startsWith('#'));
  const header = /(?:^|,)\s*"?(?:address|name)"?\s*(?:,|$)/i.test(full[0]?.content ?? '') ? full.shift()! : null;
  return Promise.all(full.map(({ content, line }) => readRow(header?.content ?? null, content, line)));
}

async function readRow(header: string | null, content: string, line: number): Promise<ReadRow> {
  const nothing = { line, target: content.slice(0, 80), name: null, owner: null, tags: {}, address: null };
  try {
    const [listed] = parseHostList(header === null ? content : `${header}\n${content}`);
    if (!listed) return { ...nothing, why: 'it is empty' };
    const address = await addressOf(listed);
    return { ...listed, line, address, why: address === null ? `the name ${listed.target} does not resolve` : null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ...nothing, why: String(error.params['why'] ?? error.message) };
  }
}

async function addressOf(host: ListedHost): Promise<string | null> {
  const address = normalAddress(host.target);
  if (address) return address;
  const found = await lookup(host.target).catch(() => null);
  return found ? normalAddress(found.address) : null;
}

function sightingOf(host: ListedHost, address: string, now: Date): Sighting {
  const name = host.name ?? (normalAddress(host.target) ? null : host.target);
  return { source: 'import', address, at: now.toISOString(), identifiers: [], ...(name ? { hostname: name } : {}) };
}

async function applyListed(tx: Tx, hostId: string, listed: ListedHost): Promise<void> {
  const row = await hostRow(tx.db, hostId);
  await updateHost(tx.db, hostId, {
    claim: 'known',
    ...(listed.owner ? { owner: listed.owner } : {}),
    tags: JSON.stringify({ ...row?.tags, ...listed.tags }),
  });
}

async function subjectOf(tx: Tx, id: string): Promise<Subject> {
  const row = await hostRow(tx.db, id);
  return { kind: 'host', id, ...(row ? { name: row.name } : {}) };
}
