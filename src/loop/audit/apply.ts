import type { Exposure, Finding } from '../../model/finding.ts';
import type { Json } from '../../model/json.ts';
import type { Subject } from '../../model/trail.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import { type Cause, causeOf, snapshot } from './logic/cause.ts';
import { type Evidence, type Judgement, nameOf } from './logic/judge/context.ts';
import type { CompiledKit } from './logic/kit/compile.ts';
import type { Withdrawn } from './logic/held.ts';
import type { InForce } from './logic/policy.ts';
import { advisoriesOf, type Decision } from './logic/life.ts';
import { insertFinding, type Look, putLooks, setDue, type StoredFinding, updateFinding } from './store-findings.ts';
import { plainJson } from './tables.ts';

export interface Applied {
  platform: Pick<Platform, 'newId'>;
  tx: Tx;
  evidence: Evidence;
  kits: ReadonlyMap<string, CompiledKit>;
  /** hosts whose place this one took */
  replaced: ReadonlySet<string>;
  /** exposures of the keys that are served now */
  burnt: readonly Pick<Exposure, 'spki' | 'openedAt'>[];
  inForce: InForce;
}

/** `looks`: what was seen of each finding, written together at the end */
interface Applying extends Applied {
  looks: Map<string, Look>;
}

type Verb = 'opened' | 'fixed' | 'rekindled' | 'reopened' | 'withdrawn' | 'explained' | 'moved';
interface Told {
  verb: Verb;
  kit: string;
  finding: { [key: string]: Json };
}

/**
 * Writes the decisions down; what changed goes on the trail, one entry a kit and kind. Returns what changed. `withdrawn`:
 * findings that nothing is about any more.
 */
export async function applyDecisions(
  applied: Applied,
  decisions: readonly Decision[],
  withdrawn: readonly Withdrawn<StoredFinding>[],
): Promise<Told[]> {
  const told: Told[] = [];
  for (const one of withdrawn) told.push(await withdraw(applied, one));
  const looks = new Map<string, Look>();
  for (const decision of decisions) told.push(...(await applyOne({ ...applied, looks }, decision)));
  await putLooks(applied.tx.db, looks);
  await setDue(applied.tx.db, [...looks.keys(), ...withdrawn.map(({ finding }) => finding.id)]);
  for (const [, batch] of Map.groupBy(told, (one) => `${one.kit} ${one.verb}`)) await record(applied, batch);
  return told;
}

async function applyOne(applied: Applying, decision: Decision): Promise<Told[]> {
  switch (decision.kind) {
    case 'open':
      return [await open(applied, decision.judgement)];
    case 'rekindle':
      return [await rekindle(applied, decision.finding as StoredFinding, decision.judgement)];
    case 'reopen':
      return [await reopen(applied, decision.finding as StoredFinding, decision.judgement)];
    case 'fix':
      return [await fix(applied, decision.finding as StoredFinding, decision.judgement)];
    case 'set-aside':
      return [await setAside(applied, decision)];
    case 'keep':
      return keep(applied, decision.finding as StoredFinding, decision.judgement);
  }
}

function lookOf({ evidence, kits, inForce }: Applied, judgement: Judgement): Look {
  const { kit, check } = judgement;
  return {
    slaDays: inForce.slaDays(kit, check.id, check.severity),
    hostName: evidence.host.name,
    component: judgement.component,
    kitVersion: kits.get(judgement.kit)!.kit.version,
    advisories: advisoriesOf(judgement.check),
    severity: judgement.check.severity,
    confidence: judgement.confidence,
    title: judgement.check.title,
    evidence: judgement.evidence,
    pending: judgement.pending,
    lastSeenAt: judgement.at,
  };
}

async function open(applied: Applying, judgement: Judgement): Promise<Told> {
  return tell(applied, 'opened', await insert(applied, judgement), judgement);
}

async function insert(applied: Applying, judgement: Judgement): Promise<string> {
  const { tx, evidence, platform } = applied;
  const id = platform.newId('finding');
  const endpoint = judgement.endpoint;
  const base = {
    id,
    hostId: evidence.host.id,
    kit: judgement.kit,
    check: judgement.check.id,
    component: judgement.component,
  };
  await insertFinding(
    tx.db,
    { ...base, endpointId: endpoint?.id ?? null, endpoint: endpoint && nameOf(endpoint) },
    tx.now,
  );
  applied.looks.set(id, lookOf(applied, judgement));
  return id;
}

async function rekindle(applied: Applying, finding: StoredFinding, judgement: Judgement): Promise<Told> {
  const { tx, evidence } = applied;
  const cause = whyAgain(applied, finding, judgement);
  await updateFinding(tx.db, finding.id, {
    state: 'rekindled',
    host_id: evidence.host.id,
    endpoint_id: judgement.endpoint?.id ?? null,
    rekindled_at: tx.now,
    clock_at: tx.now,
    rekindle_cause: cause.text,
    cause_rank: cause.rank,
    closed_at: null,
    exception_id: null,
    change_id: null,
  });
  applied.looks.set(finding.id, lookOf(applied, judgement));
  return tell(applied, 'rekindled', finding.id, judgement, { cause: cause.text, openedAt: finding.openedAt });
}

/** It was set aside without proof, so nothing came back: it is simply found again, and has its whole time. */
async function reopen(applied: Applying, finding: StoredFinding, judgement: Judgement): Promise<Told> {
  await updateFinding(applied.tx.db, finding.id, {
    state: 'open',
    host_id: applied.evidence.host.id,
    endpoint_id: judgement.endpoint?.id ?? null,
    closed_at: null,
    close_reason: null,
    clock_at: applied.tx.now,
    exception_id: null,
    change_id: null,
  });
  applied.looks.set(finding.id, lookOf(applied, judgement));
  return tell(applied, 'reopened', finding.id, judgement, { was: finding.closeReason ?? null });
}

async function withdraw({ tx, evidence }: Applied, { finding, reason }: Withdrawn<StoredFinding>): Promise<Told> {
  await updateFinding(tx.db, finding.id, {
    state: 'not-applicable',
    host_id: evidence.host.id,
    closed_at: tx.now,
    close_reason: reason,
  });
  const { id, kit, check, title, component, advisories, severity, confidence, endpoint, state } = finding;
  const detail = { id, host: evidence.host.name, endpoint, kit, check, title, component, advisories, severity };
  return {
    verb: 'withdrawn',
    kit,
    finding: plainJson({ ...detail, confidence, was: state, reason }) as Told['finding'],
  };
}

function whyAgain({ evidence, replaced, burnt }: Applied, finding: StoredFinding, judgement: Judgement): Cause {
  const { closedWith: closed, closedAt, rekindledAt } = finding;
  const before = finding.state === 'fixed' ? evidence.now : (rekindledAt ?? evidence.now);
  const keys = new Set(burnt.filter((one) => one.openedAt < before).map((one) => one.spki));
  return causeOf({ judgement, evidence, closed, closedAt, replaced, burnt: keys });
}

async function fix(applied: Applying, finding: StoredFinding, judgement: Judgement): Promise<Told> {
  const { tx, evidence } = applied;
  await updateFinding(tx.db, finding.id, {
    state: 'fixed',
    host_id: evidence.host.id,
    endpoint_id: judgement.endpoint?.id ?? null,
    closed_at: tx.now,
    closed_with: snapshot(judgement, evidence),
  });
  // What it burnt with is on the trail; from here on the proof that it does not is what counts.
  applied.looks.set(finding.id, { ...lookOf(applied, judgement), pending: null });
  return tell(applied, 'fixed', finding.id, judgement);
}

/** Never opened either: nobody has anything to do, and everybody can see why. */
async function setAside(
  applied: Applying,
  { finding, judgement, reason }: Extract<Decision, { kind: 'set-aside' }>,
): Promise<Told> {
  const { tx, evidence } = applied;
  const id = finding?.id ?? (await insert(applied, judgement));
  await updateFinding(tx.db, id, {
    state: 'not-applicable',
    host_id: evidence.host.id,
    closed_at: tx.now,
    close_reason: reason,
  });
  applied.looks.set(id, { ...lookOf(applied, judgement), pending: null });
  return tell(applied, 'withdrawn', id, judgement, { was: finding?.state ?? null, reason });
}

async function keep(applied: Applying, finding: StoredFinding, judgement: Judgement): Promise<Told[]> {
  const { tx, evidence, looks } = applied;
  looks.set(finding.id, keptLook(applied, finding, judgement));
  const told: Told[] = [];
  const endpointId = judgement.endpoint?.id ?? null;
  if (finding.hostId !== evidence.host.id || finding.endpointId !== endpointId) {
    await updateFinding(tx.db, finding.id, { host_id: evidence.host.id, endpoint_id: endpointId });
    told.push(tell(applied, 'moved', finding.id, judgement, { from: finding.hostName }));
  }
  if (finding.rekindledAt === null || judgement.verdict !== 'fail') return told;
  const cause = whyAgain(applied, finding, judgement);
  if (cause.rank <= (finding.causeRank ?? 0)) return told;
  await updateFinding(tx.db, finding.id, { rekindle_cause: cause.text, cause_rank: cause.rank });
  return [...told, tell(applied, 'explained', finding.id, judgement, { cause: cause.text })];
}

/** Not being able to look teaches nothing new: what was seen last stands, beside why it could not be seen again. */
function keptLook(applied: Applied, finding: StoredFinding, judgement: Judgement): Look {
  const look = lookOf(applied, judgement);
  if (judgement.verdict === 'fail') return look;
  const { confidence, lastSeenAt, evidence } = finding;
  return { ...look, confidence, lastSeenAt, ...(judgement.verdict === 'pass' ? {} : { evidence }) };
}

function tell(
  { evidence }: Applied,
  verb: Verb,
  id: Finding['id'],
  judgement: Judgement,
  more: { [key: string]: Json } = {},
): Told {
  const { check } = judgement;
  const finding = plainJson({
    id,
    host: evidence.host.name,
    endpoint: judgement.endpoint && nameOf(judgement.endpoint),
    kit: judgement.kit,
    check: check.id,
    title: check.title,
    component: judgement.component,
    advisories: advisoriesOf(check),
    severity: check.severity,
    confidence: judgement.confidence,
    evidence: judgement.evidence,
    pending: judgement.pending,
    ...more,
  }) as Told['finding'];
  return { verb, kit: judgement.kit, finding };
}

async function record({ tx, evidence, kits }: Applied, batch: readonly Told[]): Promise<void> {
  const { verb, kit } = batch[0]!;
  const findings = batch.map((one) => one.finding);
  const host: Subject = { kind: 'host', id: evidence.host.id, name: evidence.host.name };
  await tx.record({
    type: `audit.findings.${verb}`,
    subject: { kind: 'kit', id: kit, name: kits.get(kit)?.kit.title ?? kit },
    related: [
      host,
      ...findings.map((one): Subject => ({ kind: 'finding', id: String(one['id']), name: String(one['title']) })),
    ],
    detail: { findings, digest: sha256Hex(canonicalBytes(findings)) },
  });
}
