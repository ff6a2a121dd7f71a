import { systemActor } from '../../model/actor.ts';
import type {
  CheckVerdict,
  Compliance,
  ComplianceDay,
  Dimension,
  HostCompliance,
  Tally,
} from '../../model/compliance.ts';
import { NO_TALLY, scoreOf } from '../../model/compliance.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Judge } from './judge-host.ts';
import { ownerOf } from '../../model/tag-expression.ts';
import { policies } from './logic/policy.ts';
import { byScore, controlsServed, scoreRow, sumOf, tallies } from './logic/score.ts';
import { isDrift, type KitVerdicts } from './logic/verdicts.ts';
import { readPolicies } from './store-policies.ts';
import {
  acceptedIn,
  alikeIn,
  countJudged,
  type DayRow,
  daysOf,
  type Grouped,
  putDay,
  removeOldVerdicts,
  reportedAt,
  setsOf,
  verdictsOfHost,
} from './store-verdicts.ts';

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'staleAfterMs'>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEPT_DAYS = 800;

const isOld = (context: Context, at: Date | undefined): boolean =>
  at !== undefined && context.platform.now().getTime() - at.getTime() > context.staleAfterMs;

/** Hosts that report no longer: what was known of them proves nothing now. */
export async function staleHosts(context: Context, hostIds?: readonly string[]): Promise<Set<string>> {
  const reported = await reportedAt(context.platform.db, hostIds);
  return new Set([...reported].flatMap(([id, at]) => (isOld(context, at) ? [id] : [])));
}

function groupOf(by: Dimension | 'estate', host: Host): string {
  if (by === 'host') return host.id;
  return by === 'owner' ? ownerOf(host) : '';
}

/** A load balancer’s address is no machine that could comply. */
const isMachine = (host: Host): boolean => host.shared === undefined;

function controls({ kits }: Context): (kit: string, check: string) => readonly string[] {
  const known = new Map(
    kits.flatMap(({ kit }) => kit.checks.map((check) => [`${kit.kit}/${check.id}`, controlsServed(check)] as const)),
  );
  return (kit, check) => known.get(`${kit}/${check}`) ?? [];
}

async function tallied(
  context: Context,
  by: Dimension | 'estate',
  hosts: readonly Host[],
  stale: ReadonlySet<string>,
): Promise<Map<string, Tally>> {
  const { db } = context.platform;
  const grouped = hosts.map((host): Grouped => ({
    hostId: host.id,
    group: groupOf(by, host),
    stale: stale.has(host.id),
  }));
  const [alike, accepted] = await Promise.all([alikeIn(db, grouped), acceptedIn(db, grouped)]);
  const sets = await setsOf(db, [...new Set(alike.map(({ digest }) => digest))]);
  const found = tallies(
    by,
    alike,
    sets,
    accepted.map((one) => ({ ...one, hosts: 1 })),
    controls(context),
  );
  for (const { group } of grouped) {
    const tally = found.get(group);
    if (tally && by !== 'kit' && by !== 'check' && by !== 'control') tally.hosts += 1;
  }
  if (by === 'kit') {
    for (const { digest, hosts: many } of alike) found.get(sets.get(digest)?.kit ?? '')!.hosts += many;
  }
  return found;
}

export async function compliance(context: Context, by: Dimension, limit: number): Promise<Compliance> {
  const hosts = (await context.discovery.hosts()).filter(isMachine);
  const stale = await staleHosts(context);
  const names = new Map(hosts.map((host) => [host.id, host.name]));
  const found = await tallied(context, by, hosts, stale);
  // One check may be of several controls, or of none: there the rows are no parts of a whole.
  const parts = by === 'control' ? await tallied(context, 'estate', hosts, stale) : found;
  const judged = await countJudged(
    context.platform.db,
    hosts.map(({ id }) => id),
  );
  const rows = [...found].map(([id, tally]) => scoreRow(id, by === 'host' ? (names.get(id) ?? id) : id, tally));
  const estate = { ...sumOf(parts.values()), hosts: judged };
  return {
    estate: scoreRow('', 'estate', estate),
    by,
    items: rows.toSorted(byScore).slice(0, limit),
    more: Math.max(0, rows.length - limit),
    unjudged: hosts.length - judged,
    staleAfterHours: context.staleAfterMs / HOUR_MS,
  };
}

export async function hostCompliance(context: Context, hostId: string): Promise<HostCompliance> {
  const { db } = context.platform;
  const host = await context.discovery.host(hostId);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: hostId, list: 'hosts' });
  const at = (await reportedAt(db, [hostId])).get(hostId);
  const stale = isOld(context, at);
  const held = policies(await readPolicies(db))(host);
  const [verdicts, accepted] = await Promise.all([
    verdictsOfHost(db, hostId),
    acceptedIn(db, [{ hostId, group: '', stale: false }]),
  ]);
  const excepted = new Set(accepted.map(({ kit, check }) => `${kit}/${check}`));
  const items = context.kits.flatMap(({ kit }) => {
    const its = verdicts.get(kit.kit);
    return its ? kit.checks.flatMap((check) => itemOf(kit.kit, check, its, excepted)) : [];
  });
  const tally = (await tallied(context, 'estate', [host], new Set(stale ? [hostId] : []))).get('') ?? NO_TALLY;
  const severities = items.map((one) => ({ ...one, severity: held.severity(one.kit, one.check, one.severity) }));
  return {
    hostId,
    hostName: host.name,
    policies: [...held.policies],
    stale,
    reportedAt: at?.toISOString() ?? null,
    row: scoreRow(hostId, host.name, tally),
    items: severities,
  };
}

type Checks = Context['kits'][number]['kit']['checks'];

function itemOf(
  kit: string,
  check: Checks[number],
  { marks, detail }: KitVerdicts,
  excepted: ReadonlySet<string>,
): CheckVerdict[] {
  const [verdict, mark] = [marks[check.id], detail[check.id]];
  if (verdict === undefined || mark === undefined) return [];
  const { id, title, severity } = check;
  return [
    {
      kit,
      check: id,
      title,
      severity,
      controls: controlsServed(check),
      verdict: excepted.has(`${kit}/${id}`) ? 'excepted' : verdict,
      since: mark.since,
      facts: mark.facts,
      drift: isDrift(verdict, mark) ? { at: mark.passedUntil!, values: mark.values ?? [] } : null,
    },
  ];
}

/** Timer: the day's score, brought up to date until the day is over. */
export async function rollUp(context: Context): Promise<void> {
  const hosts = (await context.discovery.hosts()).filter(isMachine);
  const stale = await staleHosts(context);
  const rows: DayRow[] = [];
  for (const dimension of ['estate', 'kit', 'owner'] as const) {
    for (const [name, tally] of await tallied(context, dimension, hosts, stale)) rows.push({ dimension, name, tally });
  }
  const now = context.platform.now();
  await context.platform.observe(systemActor('audit.compliance'), (tx) => putDay(tx.db, dayOf(now), rows));
  await removeOldVerdicts(context.platform.db, dayOf(new Date(now.getTime() - KEPT_DAYS * DAY_MS)));
}

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

export async function overTime(
  context: Context,
  which: { kit?: string | undefined; owner?: string | undefined; days: number },
): Promise<ComplianceDay[]> {
  const dimension = which.kit !== undefined ? 'kit' : which.owner !== undefined ? 'owner' : 'estate';
  const since = dayOf(new Date(context.platform.now().getTime() - which.days * DAY_MS));
  const days = await daysOf(context.platform.db, { dimension, name: which.kit ?? which.owner ?? '', since });
  return days.map(({ day, tally }) => ({ day, tally, score: scoreOf(tally) }));
}
