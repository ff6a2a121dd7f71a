import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Endpoint, Host } from '../../model/estate.ts';
import { SECTION_NAMES, type SectionName } from '../../model/facts.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { applyDecisions } from './apply.ts';
import { type Agentless, ask } from './collect.ts';
import { identitiesOf, noteIdentities } from './identities.ts';
import { lookForLeaks, radar } from './key-radar.ts';
import { digestOf, heldDigest } from './kit-store.ts';
import { type Evidence, type Judgement, nameOf } from './logic/judge/context.ts';
import { celOf, judge } from './logic/judge/judge.ts';
import { type CompiledKit, sectionsOf } from './logic/kit/compile.ts';
import { withoutCovered } from './logic/covered.ts';
import { held, kitsToJudge, withdrawn } from './logic/held.ts';
import { decide, isOpen } from './logic/life.ts';
import type { PlannedUpgrade } from './logic/planned.ts';
import type { InForce } from './logic/policy.ts';
import { leavesOf, type NewExposure } from './logic/radar.ts';
import { policiesInForce } from './store-policies.ts';
import { lockHost, readFacts } from './store-facts.ts';
import { findPrevious, type StoredFinding } from './store-findings.ts';
import { exposureRows, forgetKeys } from './store-keys.ts';
import { askedOf, noteAskable } from './revocation/index.ts';
import { newerJudged, noteJudged } from './store-judged.ts';
import { orphans } from './store-orphans.ts';
import { leaveLists } from './store-interned.ts';
import { noteTerms } from './store-due.ts';
import { noteRecount } from './store-recount.ts';
import { followReached } from './follow-reached.ts';
import { type Reached, reachedOf } from './logic/reached.ts';
import { noteUses } from './store-fixes.ts';
import { usesOf } from './logic/uses.ts';
import { removeVerdicts } from './store-verdicts.ts';
import { noteVerdicts } from './verdicts.ts';
import { versionOrder } from './versions/registry.ts';

export interface Judge {
  platform: Platform;
  discovery: Discovery;
  kits: readonly CompiledKit[];
  /** kits that are installed, but that this release cannot read: what they found stays */
  unread: ReadonlySet<string>;
  /** takes what was installed or removed, and puts kits on the trail before anything is judged by them */
  refreshKits: () => Promise<void>;
  staleAfterMs: number;
  agentless: Agentless | null;
  /** of changes, which stand further right: asked through whoever put the two together */
  plannedUpgrades: (hostIds: readonly string[]) => Promise<PlannedUpgrade[]>;
  /** until when exceptions stand, which are further right, too */
  exceptionEnds: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

const ACTOR = systemActor('audit');
const MOST_LOOKS = 8;
const MOST_TRIES = 3;

/**
 * Judges all kits on one host. Where a finding could close but for a look from outside, that look is taken, and the
 * host judged again.
 */
export async function judgeHost(context: Judge, hostId: string): Promise<void> {
  const needs = await judgeOnce(context, hostId);
  if (needs.length === 0) return;
  for (const { address, port } of needs.slice(0, MOST_LOOKS)) {
    try {
      await context.discovery.probeNow(address, port, { judge: false, hostId });
    } catch (error) {
      // Out of every scope, or nothing there: the finding stays open and says that the look is missing.
      if (!isAppError(error)) throw error;
      context.platform.log.info(
        { address, port, code: error.code },
        'a look from outside that a proof needs was not possible',
      );
    }
  }
  await judgeOnce(context, hostId);
}

async function judgeOnce(context: Judge, hostId: string): Promise<Judgement['needs']> {
  await context.refreshKits();
  for (let attempt = 1; ; attempt += 1) {
    const host = await context.discovery.host(hostId);
    if (!host) return [];
    if (host.supersededBy) {
      // Its findings are judged where the machine is now.
      await context.platform.queue.enqueue(
        'audit.host',
        { hostId: host.supersededBy },
        { singletonKey: host.supersededBy },
      );
      return [];
    }
    const prepared = await prepare(context, host);
    const settled = await context.platform.observe(ACTOR, (tx) => settle(context, tx, prepared, attempt >= MOST_TRIES));
    if (settled) return settled;
  }
}

interface Prepared {
  evidence: Omit<Evidence, 'host'> & { host: Host };
  /** records of the same machine, or of one that stood in its place */
  before: readonly Host[];
  leaks: readonly NewExposure[];
  reached: Reached;
}

/** What is judged, whatever the kits say: packages, kernels, listeners, keys and where a fire came from. */
const ALWAYS: readonly SectionName[] = [
  'certificates',
  'os',
  'packages',
  'processes',
  'services',
  'settings',
  'sockets',
  'users',
];

/** Facts that no kit names (inventories of tens of thousands of parts among them) are neither read nor converted. */
const sectionsFor = (kits: readonly CompiledKit[]): SectionName[] => {
  const named = sectionsOf(kits);
  return SECTION_NAMES.filter((name) => ALWAYS.includes(name) || named.has(name));
};

async function prepare(context: Judge, host: Host): Promise<Prepared> {
  const { platform, discovery, kits, staleAfterMs } = context;
  const { sections: facts, meta } = await readFacts(platform.db, host.id, sectionsFor(kits));
  const endpoints = await discovery.endpoints({ hostId: host.id });
  const before = await predecessors(discovery, host.id);
  const now = platform.now().toISOString();
  const evidence: Prepared['evidence'] = {
    now,
    host,
    names: await discovery.namesOf(host.id),
    facts,
    meta,
    endpoints,
    asked: await askedOf(platform, endpoints),
    identities: await identitiesOf(context, { facts, endpoints, host, before }),
    orphans: await orphans(platform.db, host.id),
    order: versionOrder,
    staleAfterMs,
  };
  return {
    evidence,
    before,
    leaks: await lookForLeaks(discovery, kits, evidence),
    reached: reachedOf(evidence, await discovery.away(host.id)),
  };
}

async function predecessors(discovery: Discovery, hostId: string): Promise<Host[]> {
  const found: Host[] = [];
  for (let ids = [hostId]; ids.length > 0 && found.length < 20;) {
    const next = (await Promise.all(ids.map((id) => discovery.hosts({ supersededBy: id })))).flat();
    const fresh = next.filter((host) => host.id !== hostId && !found.some((one) => one.id === host.id));
    found.push(...fresh);
    ids = fresh.map((host) => host.id);
  }
  return found;
}

const newest = (times: readonly (string | null)[]): Date | null => {
  const last = times
    .filter((time) => time !== null)
    .sort()
    .at(-1);
  return last ? new Date(last) : null;
};

/** Null when somebody judged by newer evidence meanwhile: then it has to be read again. */
async function settle(context: Judge, tx: Tx, prepared: Prepared, anyway: boolean): Promise<Judgement['needs'] | null> {
  const { evidence, before } = prepared;
  const { host } = evidence;
  await lockHost(tx.db, host.id);
  const used = {
    facts: newest(Object.values(evidence.meta).map((meta) => meta.receivedAt)),
    probes: newest(evidence.endpoints.map((endpoint) => endpoint.probedAt)),
  };
  if (!anyway && (await newerJudged(tx.db, host.id, used))) return null;
  const names = evidence.endpoints.filter((one) => one.state === 'open').map(nameOf);
  const previous = await findPrevious(tx.db, [host.id, ...before.map((one) => one.id)], names);
  const inForce = (await policiesInForce(tx.db))(host);
  const judgements = judged(context, evidence, inForce, previous);
  const own = new Set([host.id, ...before.map((one) => one.id)]);
  const decisions = decide(
    previous,
    withoutCovered(
      judgements.filter((one) => isOurs(one, previous, own)),
      previous,
    ),
  );
  const burnt = await exposureRows(tx.db, { spkis: servedKeys(evidence.endpoints) });
  const told = await applyDecisions(
    {
      platform: context.platform,
      tx,
      evidence,
      kits: new Map(context.kits.map((kit) => [kit.kit.kit, kit])),
      replaced: new Set(before.map((one) => one.id)),
      burnt,
      inForce,
    },
    decisions,
    withdrawn(previous, inForce, context, own),
  );
  const replaced = before.map((one) => one.id);
  await noteIdentities(tx, evidence, replaced);
  await forgetKeys(tx.db, replaced);
  await removeVerdicts(tx.db, replaced);
  const left = await leaveLists(tx.db, replaced, tx.now);
  if (left.length > 0) await noteRecount(tx, { lists: left });
  if (evidence.facts.processes) await noteUses(tx.db, host.id, usesOf(evidence.facts.processes));
  await noteTerms(tx, host.id, inForce.terms);
  await followReached(tx, host.id, prepared.reached);
  await noteVerdicts({ discovery: context.discovery, tx, evidence, inForce }, context.kits, judgements);
  const added = await radar(context.platform, tx, context.kits, evidence, prepared.leaks);
  await noteAskable(context.platform, tx, evidence.endpoints);
  await noteJudged(tx.db, host.id, used, heldDigest(digestOf(context.kits), inForce), tx.now);
  // Facts from inside may tell where it came from.
  if (told.some((one) => one.verb === 'rekindled')) await ask(context, tx, [host.id]);
  if (told.length > 0) await tx.publish('findings', { hostId: host.id });
  await wakeCampaigns(context, tx, {
    hostId: host.id,
    previous,
    touched: new Set([...told, ...added].map((one) => one.kit)),
  });
  return decisions.flatMap((one) => (one.kind === 'keep' ? one.judgement.needs : []));
}

/** What counts on this host of all that the kits say. */
function judged(
  { kits }: Judge,
  evidence: Evidence,
  inForce: InForce,
  previous: readonly StoredFinding[],
): Judgement[] {
  const cel = celOf(evidence);
  const all = kitsToJudge(kits, inForce, previous).flatMap((kit) =>
    judge(kit, evidence, (check) => watchedBy(previous, kit, check), cel),
  );
  return held(all, inForce, previous);
}

/** Things that had a finding get a verdict even when they are not there any more. */
function watchedBy(previous: readonly StoredFinding[], { kit }: CompiledKit, check: string): ReadonlySet<string> {
  const open = previous.filter(
    (one) => one.kit === kit.kit && one.check === check && one.endpoint === null && isOpen(one),
  );
  return new Set(open.map((one) => one.component));
}

/** A listener that is gone from here may stand elsewhere by now: it says something only about what is still ours. */
function isOurs(
  { endpoint, kit, check }: Judgement,
  previous: readonly StoredFinding[],
  own: ReadonlySet<string>,
): boolean {
  if (endpoint === null || endpoint.state === 'open') return true;
  const name = nameOf(endpoint);
  return previous.some(
    (one) => one.endpoint === name && one.kit === kit && one.check === check.id && own.has(one.hostId) && isOpen(one),
  );
}

const servedKeys = (endpoints: readonly Endpoint[]): string[] =>
  endpoints.flatMap(({ probe }) => leavesOf(probe).map((one) => one.spki));

/** Campaigns count more than findings (what is patched, restarted, served): whatever changed on their hosts concerns them. */
async function wakeCampaigns(
  { kits }: Judge,
  tx: Tx,
  what: { hostId: string; previous: readonly StoredFinding[]; touched: ReadonlySet<string> },
): Promise<void> {
  const exposed = new Set((await exposureRows(tx.db, { hostId: what.hostId })).map((one) => one.kit));
  for (const { kit } of kits.filter((one) => one.kit.compromise)) {
    const concerned =
      exposed.has(kit.kit) || what.touched.has(kit.kit) || what.previous.some((one) => one.kit === kit.kit);
    // A second later: hosts are judged in crowds, and one count does for all of them.
    const options = { singletonKey: kit.kit, startAfterSeconds: 1 };
    if (concerned) await tx.enqueue('change.campaign', { kit: kit.kit }, options);
  }
}
