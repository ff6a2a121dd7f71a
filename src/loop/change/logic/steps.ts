import type { Remediation, Step, StepKind, StepTemplate } from '../../../model/kit.ts';
import { mayRestart } from '../../../model/units.ts';
import { canonical } from './canonical.ts';
import type { Left, PlannedHost, PlannerInput } from './inputs.ts';
import { mustReboot } from './boot.ts';
import { afterBoot, itemsOf, namesOf, type Item } from './items.ts';
import { serviceNamed } from './listeners.ts';
import { resolveTemplate, type Names } from './template.ts';

/** A step with its place: first by phase, then by group, by the kit's own order, by item. */
interface Placed {
  phase: number;
  group: string;
  order: number;
  item: number;
  step: Step;
}
const UPGRADE = 0;
const CHANGE = 1;
const RESTART = 2;
const REKEY = 3;
const REBOOT = 4;

const KEY_KINDS: ReadonlySet<StepKind> = new Set(['rotate-key', 'reissue-certificate', 'install-certificate']);
/** Where nothing is known to work on, nothing is to be done. Without any other step's arguments the item cannot be planned. */
const OPTIONAL: ReadonlySet<StepKind> = new Set([
  'upgrade-package',
  'verify-revoked',
  'invalidate-sessions',
  'service',
]);

/** The steps of one host in their one order, and what of it cannot be planned. */
export function stepsOf(host: PlannedHost, input: PlannerInput): { steps: Step[]; left: Left[]; findings: string[] } {
  const left: Left[] = [];
  const placed: Placed[] = [];
  const skipped = new Set<string>();
  for (const [index, item] of itemsOf(host, input).entries()) {
    const found = 'why' in item ? item : placeItem(host, item, index, input);
    if (Array.isArray(found)) {
      placed.push(...found);
      continue;
    }
    const { listener } = item;
    left.push({ hostId: host.id, hostName: host.name, endpoint: listener && at(listener), why: found.why });
    for (const finding of findingsOf(host, item)) skipped.add(finding);
  }
  const steps = inOrder(placed);
  const findings = host.findings.map((finding) => finding.id).filter((id) => !skipped.has(id));
  return { steps, left, findings: steps.length > 0 ? findings.sort() : [] };
}

const at = (listener: { address: string; port: number }): string => `${listener.address}:${listener.port}`;

function findingsOf(host: PlannedHost, item: { listener: { endpointId: string } | null; finding?: unknown }): string[] {
  const id = (item.finding as { id?: string } | null | undefined)?.id;
  return host.findings
    .filter((finding) => finding.id === id || (item.listener && finding.endpointId === item.listener.endpointId))
    .map((finding) => finding.id);
}

/** By phase and place; the same step twice is done once, a restart or reload at its last place. */
function inOrder(all: readonly Placed[]): Step[] {
  const placed = rebootOnce(all);
  const sorted = placed.toSorted(
    (a, b) => a.phase - b.phase || compare(a.group, b.group) || a.order - b.order || a.item - b.item,
  );
  const kept = new Map<string, Placed>();
  for (const one of sorted) {
    const key = `${one.phase < REKEY ? '' : one.group}\n${one.phase === REKEY ? REKEY : 0}\n${canonical(one.step)}`;
    // Within a key's chain the order of the kit is the order of safety: there, a restart may be needed more than once.
    const again = one.phase === REKEY && one.step.kind === 'service' ? `${key}\n${one.order}` : key;
    if (!kept.has(again)) kept.set(again, one);
  }
  return [...kept.values()].map((one) => one.step);
}

/** One reboot for all reasons, into the kernel that one of them names; what it renews is not restarted before. */
function rebootOnce(placed: readonly Placed[]): readonly Placed[] {
  const reboots = placed.filter((one) => one.step.kind === 'reboot');
  const chosen = reboots.find((one) => one.step.kind === 'reboot' && one.step.kernel !== undefined) ?? reboots[0];
  if (chosen === undefined) return placed;
  return [...placed.filter((one) => one.step.kind !== 'reboot' && one.phase !== RESTART), chosen];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function placeItem(host: PlannedHost, item: Item, index: number, input: PlannerInput): Placed[] | { why: string } {
  const placed: Placed[] = [];
  let [order, held] = [0, 0];
  const remediations = input.kit.remediate.filter((one) => concerns(one, item, host));
  if (remediations.length === 0) {
    return item.finding ? { why: `the kit has no remediation for ${alone(item.finding.check, input)}` } : placed;
  }
  for (const remediation of remediations) {
    for (const template of remediation.steps) {
      order += 1;
      const found = placeTemplate(host, item, template, remediation);
      if ('why' in found) return found;
      placed.push(...found.steps.map((one) => ({ ...one, order, item: index })));
      held += found.held;
    }
  }
  // Its steps are not for a host like this one: that is no remediation, and must not look like one.
  if (placed.length === 0 && held > 0 && item.finding)
    return { why: `the remediation is not for this host: ${alone(item.finding.check, input)}` };
  return placed;
}

/** The check, and what a person does about it where the kit says that. */
function alone(check: string, { kit }: PlannerInput): string {
  const byHand = kit.checks.find(({ id }) => id === check)?.byHand;
  return byHand === undefined ? check : `${check}; by hand: ${byHand}`;
}

/** A remediation concerns an item whose finding it fixes; one with a new key in it also every burnt key. */
function concerns(remediation: Remediation, item: Item, host: PlannedHost): boolean {
  const rekeys = remediation.steps.some((step) => KEY_KINDS.has(step.kind));
  if (rekeys && item.listener && item.listener.burnt.length > 0) return true;
  if (item.finding === null) return false;
  const own = findingsOf(host, item);
  const checks = host.findings.filter((finding) => own.includes(finding.id)).map((finding) => finding.check);
  return [...checks, item.finding.check].some((check) => remediation.fixes.includes(check));
}

/** `held`: how often its condition left the step out */
type Found = { steps: Pick<Placed, 'phase' | 'group' | 'step'>[]; held: number } | { why: string };

function placeTemplate(host: PlannedHost, item: Item, template: StepTemplate, remediation: Remediation): Found {
  const steps: Pick<Placed, 'phase' | 'group' | 'step'>[] = [];
  const group = item.service?.privateKey ?? (item.listener ? at(item.listener) : '');
  let held = 0;
  for (const { names, phase } of variants(host, item, template, remediation)) {
    const unit = names.service.name;
    if (phase === RESTART && unit !== null && !mayRestart(unit)) return { why: afterBoot(unit) };
    const resolved = resolveTemplate(template, names);
    if (resolved === 'left-out') {
      held += 1;
      continue;
    }
    if ('step' in resolved) steps.push({ phase, group, step: resolved.step });
    else if (!OPTIONAL.has(template.kind))
      return { why: `nothing is known as \${${resolved.missing}}, which ${template.kind} needs` };
  }
  return { steps, held };
}

type Variant = { names: Names; phase: number };

/** For whom the template is laid out in this item: not at all, once, for each unit, or for each certificate. */
function variants(host: PlannedHost, item: Item, template: StepTemplate, remediation: Remediation): Variant[] {
  const { kind } = template;
  const names = namesOf(host, item, servedOf(item) ?? item.revoke[0] ?? null);
  const rekeys = remediation.steps.some((step) => KEY_KINDS.has(step.kind));
  if (kind === 'upgrade-package') return item.upgrade ? [{ names, phase: UPGRADE }] : [];
  if (kind === 'reboot') return mustReboot(host, item, remediation) ? [{ names, phase: REBOOT }] : [];
  if (!rekeys) return plainVariants(host, item, template, names);
  if (kind === 'service' && isBeforeKeys(template, remediation)) return restarts(host, item);
  return keyVariants(host, item, kind, names);
}

function keyVariants(host: PlannedHost, item: Item, kind: StepKind, names: Names): Variant[] {
  switch (kind) {
    case 'revoke-certificate':
    case 'verify-revoked':
      return item.revoke.map((key) => ({ names: namesOf(host, item, key), phase: REKEY }));
    case 'verify-served': {
      const key = servedOf(item) ?? item.listener?.burnt[0] ?? null;
      return key !== null && hasKeyWork(item) ? [{ names: namesOf(host, item, key), phase: REKEY }] : [];
    }
    case 'invalidate-sessions':
      return item.sessions ? [{ names, phase: REKEY }] : [];
    default:
      return item.rekey ? [{ names, phase: REKEY }] : [];
  }
}

const hasKeyWork = (item: Item): boolean => item.rekey || item.revoke.length > 0 || item.restart.length > 0;

/** The burnt key as it is served now. */
function servedOf(item: Item): Item['revoke'][number] | null {
  const served = item.listener?.served;
  return item.rekey && served ? { ...served, revoked: false, seen: false } : null;
}

function isBeforeKeys(template: StepTemplate, remediation: Remediation): boolean {
  const first = remediation.steps.findIndex((step) => KEY_KINDS.has(step.kind));
  return remediation.steps.indexOf(template) < first;
}

function restarts(host: PlannedHost, item: Item): Variant[] {
  return item.restart.map((unit) => {
    const service = serviceNamed(host.facts, unit);
    const named = service ?? { name: unit, certificate: null, privateKey: null, sessionSecret: null };
    return { names: namesOf(host, { ...item, service: named as Item['service'] }, null), phase: RESTART };
  });
}

function plainVariants(host: PlannedHost, item: Item, template: StepTemplate, names: Names): Variant[] {
  if (template.kind !== 'service') return [{ names, phase: CHANGE }];
  const again = template['action'] === 'restart' || template['action'] === 'reload';
  if (item.restart.length > 0 && again) return restarts(host, item);
  const nothing = item.package !== null && !item.upgrade && item.vulnerable;
  return nothing ? [] : [{ names, phase: again ? RESTART : CHANGE }];
}
