import type { FactsReply } from '../../model/agent.ts';
import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Facts, type Section, type SectionName } from '../../model/facts.ts';
import type { Identifier } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { jsonText, plainString } from '../../platform/db/json-text.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import type { Discovery } from '../discovery/index.ts';
import {
  contentKey,
  hashesOf,
  knownContents,
  lockHost,
  noteSectionError,
  putContents,
  readFacts,
  setSections,
} from './store-facts.ts';
import { followPeers, type Fresh, INTERNED, internHost } from './intern-host.ts';
import { followOrphans } from './store-orphans.ts';

interface Checked {
  section: Section;
  /** absent: only the hash was sent */
  data?: unknown;
  error?: string;
}

/**
 * Takes what an agent sent; replies with the sections whose content is still wanted. Where `holds` says no, inside the
 * transaction, nothing is taken: somebody else tells of that host by now.
 */
export async function takeFacts(
  platform: Platform,
  discovery: Discovery,
  from: { actor: Actor; hostId: string },
  sections: readonly Section[],
  holds?: (tx: Tx) => Promise<boolean>,
): Promise<FactsReply> {
  const checked = sections.map((section) => check(platform, from.hostId, section));
  // In one order, so that two hosts which send the same contents at once do not wait for each other in a circle.
  checked.sort((a, b) => (a.section.name < b.section.name ? -1 : 1));
  return platform.observe(from.actor, async (tx) => {
    await lockHost(tx.db, from.hostId);
    if (holds && !(await holds(tx))) return { want: [] };
    const heads = checked.filter((one) => one.error === undefined && one.data === undefined).map((one) => one.section);
    const wanted = await wantedOf(tx, from.hostId, heads);
    const isWanted = ({ section }: Checked): boolean => wanted.has(section.name);
    const taken = checked.filter((one) => !isWanted(one));
    const { changed, fresh } = await store(tx, from.hostId, taken);
    if (changed.some((name) => INTERNED.has(name))) await internHost(discovery, tx, from.hostId, fresh);
    if (changed.includes('connections')) await followPeers(tx, from.hostId);
    await follow(discovery, tx, from.hostId, changed);
    return { want: checked.filter(isWanted).map((one) => one.section.name) };
  });
}

/**
 * Contents that nobody sent yet. Where one is missing, what else changed is sent again with it: the new list of packages
 * beside the processes of before would tell of a host that never was, and close what still burns.
 */
async function wantedOf(tx: Tx, hostId: string, heads: readonly Section[]): Promise<Set<SectionName>> {
  const known = await knownContents(tx.db, heads);
  const missing = heads.filter((one) => !known.has(contentKey(one)));
  if (missing.length === 0) return new Set();
  const before = await hashesOf(tx.db, hostId);
  const changed = heads.filter((one) => before.size > 0 && before.get(one.name) !== one.hash);
  return new Set([...missing, ...changed].map((one) => one.name));
}

/** A section that is not what it claims is refused with all the rest; one of a shape we do not know is an error of that section. */
function check(platform: Platform, hostId: string, section: Section): Checked {
  if (section.error !== undefined) return { section, error: section.error };
  if (section.data === undefined) return { section };
  if (hashOf(section.data) !== section.hash) {
    throw new AppError('FACTS_HASH', { section: section.name, hash: section.hash });
  }
  const parsed = Facts.shape[section.name].safeParse(section.data);
  if (parsed.success) return { section, data: parsed.data };
  const issue = parsed.error.issues[0]!;
  const error = `not understood at ${issue.path.join('.') || 'the top'}: ${issue.message}`;
  platform.log.warn({ hostId, section: section.name, issue }, 'facts of a shape that is not known were not stored');
  return { section, error };
}

/** null: half a character, or nesting without end, has no bytes that could be hashed. */
function hashOf(data: unknown): string | null {
  try {
    return sha256Hex(canonicalBytes(data));
  } catch {
    return null;
  }
}

/** Returns the sections whose content is another than before, and the contents that were sent, as they are stored. */
async function store(
  tx: Tx,
  hostId: string,
  checked: readonly Checked[],
): Promise<{ changed: SectionName[]; fresh: Fresh }> {
  const stateOf = ({ name, version, collectedAt }: Section) => {
    const time = new Date(collectedAt);
    // A host whose clock is ahead, or that says so, would be fresh for as long.
    return { name, version, collectedAt: time < tx.now ? time : tx.now };
  };
  for (const { section, error } of checked) {
    if (error !== undefined) await noteSectionError(tx.db, hostId, stateOf(section), error, tx.now);
  }
  const good = checked.filter(({ error }) => error === undefined);
  const contents = good.flatMap(({ section: { name, hash }, data }) =>
    data === undefined ? [] : [{ name, hash, text: jsonText(data), ecosystems: ecosystemsOf(name, data) }],
  );
  await putContents(tx.db, contents, tx.now);
  const sections = good.map(({ section }) => ({ ...stateOf(section), hash: section.hash }));
  const processes = sections.find((one) => one.name === 'processes');
  const { changed, before } = await setSections(tx.db, hostId, sections, tx.now);
  if (processes && changed.includes('processes'))
    await followOrphans(tx.db, hostId, before.get('processes') ?? null, processes.hash);
  return { changed, fresh: new Map(contents.map(({ name, text }) => [name, text])) };
}

function ecosystemsOf(name: SectionName, data: unknown): string[] | null {
  if (name !== 'packages') return null;
  return [...new Set((data as Facts['packages']).map(({ ecosystem }) => plainString(ecosystem)))].toSorted();
}

/** What tells who and where a machine is. */
const WHO: ReadonlySet<SectionName> = new Set<SectionName>(['os', 'sockets', 'hardware']);
const TALK: ReadonlySet<SectionName> = new Set<SectionName>(['connections', 'neighbours']);

/** Who has to hear of it. Connections come and go all the time and no kit looks at them. */
async function follow(discovery: Discovery, tx: Tx, hostId: string, changed: readonly SectionName[]): Promise<void> {
  if (changed.some((name) => WHO.has(name))) await tellIdentity(discovery, tx, hostId);
  if (changed.some((name) => TALK.has(name))) {
    await tx.enqueue('impact.connections', { hostId }, { singletonKey: hostId });
  }
  if (changed.some((name) => !TALK.has(name))) await tx.enqueue('audit.host', { hostId }, { singletonKey: hostId });
  await tx.publish('facts', { hostId });
}

async function tellIdentity(discovery: Discovery, tx: Tx, hostId: string): Promise<void> {
  const { sections } = await readFacts(tx.db, hostId, ['os', 'sockets', 'hardware']);
  if (!sections.os) return;
  const { provider, instanceId } = sections.hardware?.cloud ?? {};
  const identifiers: Identifier[] = [
    ...(sections.os.machineId ? [{ kind: 'machine-id' as const, value: sections.os.machineId }] : []),
    ...(provider && instanceId ? [{ kind: 'cloud-id' as const, value: `${provider}:${instanceId}` }] : []),
  ];
  const addresses = [...new Set((sections.sockets ?? []).map((socket) => socket.address.replace(/^::ffff:/i, '')))];
  const { hostname, prettyName: system } = sections.os;
  await discovery.updateIdentity(tx, hostId, { hostname, identifiers, addresses, system });
}
