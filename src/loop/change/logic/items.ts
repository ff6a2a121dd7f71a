import type { PackageFact, ServiceFact } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { BurntCertificate, PlannedHost, PlannedListener, PlannerInput, ServedCertificate } from './inputs.ts';
import { certificateKey } from './inputs.ts';
import { holdersOfOldFiles, listenerOf, packageNamed, serviceNamed, unitsOfPackage } from './listeners.ts';
import { outOfForce, sayOutOfForce, unitsToRestart } from '../../../model/in-force.ts';
import { mayRestart } from '../../../model/units.ts';
import { versionOf } from '../../../model/step-packages.ts';
import type { Names } from './template.ts';

/** One thing on a host that a remediation is laid out for: a listener, or a package that no listener stands for. */
export interface Item {
  listener: PlannedListener | null;
  finding: Finding | null;
  package: PackageFact | null;
  service: ServiceFact | null;
  /** the hole itself is here, not only a key that leaked elsewhere */
  vulnerable: boolean;
  upgrade: boolean;
  /** units that run the old program, and need not after a restart */
  restart: readonly string[];
  /** the served key is burnt: a new one is needed */
  rekey: boolean;
  sessions: boolean;
  revoke: readonly BurntCertificate[];
}

export type ItemOrWhy = Item | { listener: PlannedListener | null; why: string };

/** Listeners first, in order of address and port; then packages that no listener covers. */
export function itemsOf(host: PlannedHost, input: PlannerInput): ItemOrWhy[] {
  const listeners = host.listeners.toSorted((a, b) => compare(a.address, b.address) || a.port - b.port);
  const items: ItemOrWhy[] = listeners.map((listener) => listenerItem(host, listener, input));
  const covered = new Set(items.flatMap((item) => ('package' in item && item.package ? [item.package.name] : [])));
  const endpointIds = new Set(host.listeners.map((listener) => listener.endpointId));
  for (const finding of host.findings) {
    if (finding.endpointId !== null && endpointIds.has(finding.endpointId)) continue;
    const about = input.kit.checks.find((check) => check.id === finding.check)?.kind;
    const pkg = about === 'package' ? packageNamed(host.facts, finding.component) : null;
    if (pkg && covered.has(pkg.name)) continue;
    if (pkg) covered.add(pkg.name);
    items.push(findingItem(host, finding, pkg, input));
  }
  return items;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function listenerItem(host: PlannedHost, listener: PlannedListener, input: PlannerInput): ItemOrWhy {
  const own = host.findings.find((finding) => finding.endpointId === listener.endpointId) ?? null;
  const behind = listenerOf(host.facts, listener);
  const onPackage = packageFinding(host, behind.package, input);
  const vulnerable = onPackage !== null || isOpenHole(host, listener, own, input);
  const repair = vulnerable ? repairOf(host, behind.package, behind.socket?.unit ?? null, input) : NO_REPAIR;
  if ('why' in repair) return { listener, why: repair.why };
  const { served, burnt } = listener;
  const rekey = burnt.some((key) => key.spki === served?.spki);
  return {
    listener,
    finding: own ?? onPackage ?? host.findings[0] ?? null,
    package: behind.package,
    service: behind.service,
    vulnerable,
    ...repair,
    rekey,
    sessions: burnt.length > 0 && (rekey || !listener.sessionsDone),
    revoke: toRevoke(listener, rekey),
  };
}

/** Where looking was not conclusive, a finding counts. */
const isVulnerable = ({ verdict }: PlannedListener, finding: Finding | null): boolean =>
  verdict === 'vulnerable' || (verdict === 'unknown' && finding !== null);

/** Where the kit mends the listener by its settings, the version of its program is no hole and nothing to wait for. */
const isOpenHole = (host: PlannedHost, listener: PlannedListener, own: Finding | null, input: PlannerInput): boolean =>
  isVulnerable(listener, own) && (own === null || isUpgraded(host, listener, input));

/** Does a remediation of what was found at the listener bring a newer package, or does the kit know none? */
function isUpgraded(host: PlannedHost, { endpointId }: PlannedListener, { kit }: PlannerInput): boolean {
  const checks = host.findings.flatMap((finding) => (finding.endpointId === endpointId ? [finding.check] : []));
  const mends = kit.remediate.filter((one) => one.fixes.some((check) => checks.includes(check)));
  return mends.length === 0 || mends.some((one) => one.steps.some(({ kind }) => kind === 'upgrade-package'));
}

function packageFinding(host: PlannedHost, pkg: PackageFact | null, input: PlannerInput): Finding | null {
  const checks = new Set(input.kit.checks.filter((check) => check.kind === 'package').map((check) => check.id));
  return host.findings.find((finding) => checks.has(finding.check) && finding.component === pkg?.name) ?? null;
}

/**
 * Every certificate for a burnt key that is not known to be revoked, also one that was reissued for the same key. What no
 * configured authority issued nobody here can revoke; another authority may have given that serial number to somebody.
 */
function toRevoke(listener: PlannedListener, rekey: boolean): BurntCertificate[] {
  const open = listener.burnt.filter((key) => !key.revoked || !key.seen);
  const served = listener.served;
  const known = served && listener.burnt.some((key) => certificateKey(key) === certificateKey(served));
  const all = rekey && served && !known ? [asBurnt(served), ...open] : open;
  const ours = all.filter((key) => key.authority !== null);
  return [...new Map(ours.map((key) => [certificateKey(key), key])).values()];
}

const asBurnt = (served: ServedCertificate): BurntCertificate => ({ ...served, revoked: false, seen: false });

function findingItem(host: PlannedHost, finding: Finding, pkg: PackageFact | null, input: PlannerInput): ItemOrWhy {
  const service = serviceNamed(host.facts, finding.component);
  const repair = pkg ? repairOf(host, pkg, null, input) : restartsOf(host, finding, input);
  if ('why' in repair) return { listener: null, why: repair.why };
  const base = { listener: null, finding, package: pkg, service, vulnerable: true };
  return { ...base, ...repair, rekey: false, sessions: false, revoke: [] };
}

function restartsOf(host: PlannedHost, finding: Finding, input: PlannerInput): Repair | { why: string } {
  const packaged = unitsOfEvidence(host, finding);
  const check = input.kit.checks.find((one) => one.id === finding.check);
  if (check?.kind !== 'host' || check.until !== 'in-force') return { ...NO_REPAIR, restart: packaged };
  // It closes only when nothing old runs, whatever update left that behind.
  const left = outOfForce(host.facts);
  const restart = [...new Set([...packaged, ...unitsToRestart(left)])].sort();
  const nothing = restart.length === 0 && packagesOfEvidence(finding).length === 0;
  return nothing && left.needs.length > 0 ? { why: sayOutOfForce(left) } : { ...NO_REPAIR, restart };
}

/** A check about several packages names them in its evidence, as NAME=VERSION: what runs them is to run the new ones. */
function unitsOfEvidence(host: PlannedHost, finding: Finding): string[] {
  const names = packagesOfEvidence(finding);
  return [...new Set(names.flatMap((name) => unitsOfPackage(host.facts, name)))].filter(mayRestart).sort();
}

function packagesOfEvidence(finding: Finding): string[] {
  const listed = finding.evidence['packages'];
  return (Array.isArray(listed) ? listed : []).flatMap((one) =>
    typeof one === 'string' && one.includes('=') ? [versionOf(one).name] : [],
  );
}

/** The packages that an item is about. */
export const packagesOfItem = ({ package: pkg, finding }: Item): string[] =>
  pkg ? [pkg.name] : finding ? packagesOfEvidence(finding) : [];

export const afterBoot = (unit: string): string =>
  `${unit} is not restarted on a running host: it runs the new files after the next boot`;

type Repair = Pick<Item, 'upgrade' | 'restart'>;
const NO_REPAIR: Repair = { upgrade: false, restart: [] };

/** A newer package and a restart, or a restart alone where the newer package lies on the disk already. */
function repairOf(
  host: PlannedHost,
  pkg: PackageFact | null,
  unit: string | null,
  input: PlannerInput,
): Repair | { why: string } {
  if (!pkg) return { why: `the program behind it${unit ? ` (${unit})` : ''} belongs to no package that we know of` };
  const named = [...new Set([...unitsOfPackage(host.facts, pkg.name), ...(unit ? [unit] : [])])].sort();
  const units = named.filter(mayRestart);
  const holding = units.filter((name) => holdersOfOldFiles(host.facts, name).length > 0);
  if (!input.isAffected(pkg, pkg.sourceVersion) && holding.length > 0) return { upgrade: false, restart: holding };
  const candidate = pkg.candidate;
  if (candidate === undefined) return { why: `it is not known yet which version of ${pkg.name} its archive offers` };
  if (candidate === null || candidate === pkg.version) {
    if (holding.length > 0) return { upgrade: false, restart: holding };
    return { why: `${pkg.name} ${pkg.version} is the newest that its archive offers` };
  }
  if (pkg.version === pkg.sourceVersion && input.isAffected(pkg, candidate)) {
    return { why: `${pkg.name} ${candidate}, the newest that its archive offers, is affected as well` };
  }
  return { upgrade: true, restart: units };
}

type Known = Pick<PackageFact, 'name' | 'version'> & { candidate: string | null };

/** What templates may name, for this item; for its certificate, the one given. */
export function namesOf(host: PlannedHost, item: Item, certificate: BurntCertificate | null): Names {
  const { listener, finding, package: pkg, service } = item;
  const served = listener?.served ?? null;
  const authority = certificate?.authority ?? served?.authority ?? null;
  return {
    host: { id: host.id, name: host.name, bootId: host.facts.os?.bootId ?? null },
    finding: { ...pick(finding, ['check', 'component']), evidence: finding?.evidence ?? {} },
    package: pick(pkg as Known | null, ['name', 'version', 'candidate']),
    service: pick(service, ['name', 'certificate', 'privateKey', 'sessionSecret']),
    endpoint: pick(listener, ['address', 'port']),
    certificate: { ...pick(certificate, ['spki', 'serial', 'crlUrl']), names: served && served.names },
    authority: pick(authority, ['name', 'issuerSpki']),
  };
}

/** The named fields, or null for each when there is nothing to take them from. */
function pick<T extends object, K extends keyof T>(from: T | null, keys: readonly K[]): { [P in K]: T[P] | null } {
  return Object.fromEntries(keys.map((key) => [key, from?.[key] ?? null])) as { [P in K]: T[P] | null };
}
