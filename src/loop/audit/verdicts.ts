import type { Endpoint } from '../../model/estate.ts';
import { SECTION_NAMES } from '../../model/facts.ts';
import type { Tx } from '../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Evidence, Judgement } from './logic/judge/context.ts';
import { judge } from './logic/judge/judge.ts';
import type { CompiledKit } from './logic/kit/compile.ts';
import type { InForce } from './logic/policy.ts';
import { driftedIn, follow, type KitVerdicts, valuesOf, verdictsOf } from './logic/verdicts.ts';
import { factsAt } from './store-facts.ts';
import { judgedAt } from './store-judged.ts';
import { type NewVerdicts, putVerdicts, removeVerdicts, verdictsOfHost } from './store-verdicts.ts';

export interface Verdicting {
  discovery: Pick<Discovery, 'endpointHistory'>;
  tx: Tx;
  evidence: Evidence;
  inForce: InForce;
}

/**
 * Notes what each kit says of the host, where that is something else than before. A host that reports no longer keeps
 * what was known last: whoever reads it is told that it is stale.
 */
export async function noteVerdicts(
  context: Verdicting,
  kits: readonly CompiledKit[],
  judgements: readonly Judgement[],
): Promise<void> {
  const { tx, evidence, inForce } = context;
  const { id } = evidence.host;
  const before = await verdictsOfHost(tx.db, id);
  const said = new Set(
    kits.filter(({ kit }) => kit.checks.some((one) => inForce.applies(kit.kit, one.id))).map((one) => one.kit.kit),
  );
  await removeVerdicts(
    tx.db,
    [id],
    [...before.keys()].filter((kit) => !said.has(kit)),
  );
  if (isStale(evidence)) return;
  const rows: NewVerdicts[] = [];
  for (const kit of kits) {
    const name = kit.kit.kit;
    const own = judgements.filter((one) => one.kit === name);
    const now = verdictsOf(kit, (check) => inForce.applies(name, check), own, evidence);
    const next = follow(before.get(name) ?? null, now, evidence.now);
    if (next === null || now.size === 0) continue;
    if (next.drifted.length > 0) await explain(context, kit, own, next);
    const { after } = next;
    const digest = sha256Hex(canonicalBytes([name, after.marks]));
    rows.push({ kit: name, digest, drifted: driftedIn(after), verdicts: after });
  }
  await putVerdicts(tx.db, id, rows, tx.now);
}

/** Something was told from inside once, and all of it is too old by now. */
function isStale({ meta, now, staleAfterMs }: Evidence): boolean {
  const times = Object.values(meta).map(({ receivedAt }) => Date.parse(receivedAt));
  return times.length > 0 && times.every((time) => Date.parse(now) - time > staleAfterMs);
}

/** What passed and now fails is judged once more, on what the last judgement saw: the values that differ are why. */
async function explain(
  context: Verdicting,
  kit: CompiledKit,
  judgements: readonly Judgement[],
  { after, drifted }: { after: KitVerdicts; drifted: readonly string[] },
): Promise<void> {
  const earlier = await earlierEvidence(context, judgements, drifted);
  if (earlier === null) return;
  const was = judge(kit, earlier, () => new Set());
  const of = (all: readonly Judgement[], check: string): Judgement[] => all.filter((one) => one.check.id === check);
  for (const check of drifted) {
    const failing = of(judgements, check).filter(({ verdict }) => verdict === 'fail');
    after.detail[check] = { ...after.detail[check]!, values: valuesOf(failing, of(was, check)) };
  }
}

async function earlierEvidence(
  { discovery, tx, evidence }: Verdicting,
  judgements: readonly Judgement[],
  drifted: readonly string[],
): Promise<Evidence | null> {
  const at = await judgedAt(tx.db, evidence.host.id);
  if (at === null) return null;
  const names = SECTION_NAMES.filter((name) => evidence.facts[name] !== undefined);
  const facts = { ...evidence.facts, ...(await factsAt(tx.db, evidence.host.id, names, at)) };
  const asked = new Set(
    judgements
      .filter(({ check, verdict }) => verdict === 'fail' && drifted.includes(check.id))
      .flatMap(({ endpoint }) => endpoint?.id ?? []),
  );
  const endpoints = await Promise.all(
    evidence.endpoints.map((one) => (asked.has(one.id) ? asItWas(discovery, one, at) : one)),
  );
  return { ...evidence, facts, endpoints };
}

async function asItWas(discovery: Verdicting['discovery'], endpoint: Endpoint, at: Date): Promise<Endpoint> {
  const history = await discovery.endpointHistory(endpoint.id);
  const was = history.findLast((one) => new Date(one.at) <= at);
  return was ? { ...endpoint, probe: was.probe } : endpoint;
}
