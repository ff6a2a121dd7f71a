import type { Host } from '../../../model/estate.ts';
import { Severity, type Kit } from '../../../model/kit.ts';
import type { PolicyEffect, PolicySet, Profile } from '../../../model/policy.ts';
import { readTagExpression, tagsOf, type TagTest } from '../../../model/tag-expression.ts';

type Kits = readonly Pick<Kit, 'kit' | 'checks'>[];

/** What one host is held to. */
export interface InForce {
  /** names of the policies that are for it; none: every shipped kit applies as it is */
  policies: readonly string[];
  /** tells two that say the same of everything from two that do not */
  text: string;
  applies(kit: string, check: string): boolean;
  /** as the kit says, unless a profile says otherwise; of several the worst */
  severity(kit: string, check: string, own: Severity): Severity;
  /** of several profiles the shortest; null: nobody set any */
  slaDays(kit: string, check: string, severity: Severity): number | null;
  /** for vulnerabilities: the shortest of the profiles that hold the host to its updates */
  terms: Readonly<Partial<Record<Severity, number>>>;
}

/** Who holds a host to this kit gives vulnerabilities their time, too. */
const UPDATES = 'security-updates';

const AS_SHIPPED: InForce = {
  policies: [],
  text: '',
  applies: () => true,
  severity: (_kit, _check, own) => own,
  slaDays: () => null,
  terms: {},
};

const names = (list: readonly string[], kit: string, check: string): boolean =>
  list.includes(kit) || list.includes(`${kit}/${check}`);

export const profileHas = ({ include, exclude }: Profile, kit: string, check: string): boolean =>
  (include === undefined || names(include, kit, check)) && !names(exclude, kit, check);

/** Everything that a profile names, kits and checks. */
const refsOf = ({ include, exclude, severity }: Profile): string[] => [
  ...(include ?? []),
  ...exclude,
  ...Object.keys(severity),
];

/** Does it name the kit, or a check of it? */
export const profileNames = (profile: Profile, kit: string): boolean =>
  refsOf(profile).some((ref) => ref === kit || ref.startsWith(`${kit}/`));

const worst = (found: readonly Severity[]): Severity | undefined =>
  Severity.options.find((severity) => found.includes(severity));

/** Keys in one order: what PostgreSQL gives back has another than what was given. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );

/**
 * Reads a set once and tells of any host what holds there. A host that no policy is for keeps every shipped kit: a tag
 * that somebody forgot must not turn checks off. Where several are for it, a check applies when one of them wants it.
 */
export function policies(set: PolicySet): (host: Pick<Host, 'tags' | 'owner'>) => InForce {
  const profiles = new Map(set.profiles.map((profile) => [profile.name, profile]));
  const bound = set.policies.map((policy) => ({ ...policy, test: testOf(policy.hosts) }));
  const known = new Map<string, InForce>();
  return (host) => {
    const tags = tagsOf(host);
    const matching = bound.filter(({ test }) => test(tags));
    const key = matching.map(({ name }) => name).join(' ');
    const found = known.get(key) ?? inForce(key.split(' ').filter(Boolean), profilesOf(matching, profiles));
    known.set(key, found);
    return found;
  };
}

/** What is stored was read when it was taken; should it not be readable any more, it is for no host. */
function testOf(text: string): TagTest {
  const read = readTagExpression(text);
  return 'test' in read ? read.test : () => false;
}

const profilesOf = (bound: readonly { profile: string }[], all: ReadonlyMap<string, Profile>): Profile[] =>
  [...new Set(bound.map(({ profile }) => profile))].sort().flatMap((name) => all.get(name) ?? []);

function inForce(bound: readonly string[], profiles: readonly Profile[]): InForce {
  if (profiles.length === 0) return AS_SHIPPED;
  const of = (kit: string, check: string): Profile[] => profiles.filter((one) => profileHas(one, kit, check));
  return {
    policies: bound,
    text: canonical(profiles.map(({ title: _title, ...rules }) => rules)),
    applies: (kit, check) => profiles.some((one) => profileHas(one, kit, check)),
    severity: (kit, check, own) =>
      worst(of(kit, check).map((one) => one.severity[`${kit}/${check}`] ?? one.severity[kit] ?? own)) ?? own,
    slaDays: (kit, check, severity) => {
      const days = of(kit, check).flatMap((one) => one.slaDays[severity] ?? []);
      return days.length === 0 ? null : Math.min(...days);
    },
    terms: termsOf(profiles),
  };
}

function termsOf(profiles: readonly Profile[]): InForce['terms'] {
  const own = profiles.filter(
    ({ include, exclude }) =>
      !exclude.includes(UPDATES) && (include === undefined || include.some((ref) => ref.split('/')[0] === UPDATES)),
  );
  const terms: Partial<Record<Severity, number>> = {};
  for (const severity of Severity.options) {
    const days = own.flatMap(({ slaDays }) => slaDays[severity] ?? []);
    if (days.length > 0) terms[severity] = Math.min(...days);
  }
  return terms;
}

export interface Unknown {
  where: string;
  what: string;
}

/** What is there twice: which of the two is meant cannot be told. */
export function twiceIn(set: PolicySet): Unknown | null {
  const twice = repeated(set.profiles.map(({ name }) => name)) ?? repeated(set.policies.map(({ name }) => name));
  return twice === null ? null : { where: twice, what: 'it is there twice' };
}

/** What a set names that is not there. `fresh`: profiles as they are given now; a check that a kit once had may stay in others. */
export function problemIn(set: PolicySet, fresh: readonly Profile[], kits: Kits): Unknown | null {
  for (const { name, profile } of set.policies) {
    if (!set.profiles.some((one) => one.name === profile))
      return { where: name, what: `there is no profile ${profile}` };
  }
  for (const profile of fresh) {
    const missing = refsOf(profile).find((ref) => !isKnown(kits, ref));
    if (missing !== undefined) return { where: profile.name, what: `there is no kit or check ${missing}` };
  }
  return null;
}

const repeated = (list: readonly string[]): string | null => list.find((one, at) => list.indexOf(one) !== at) ?? null;

function isKnown(kits: Kits, ref: string): boolean {
  const [id, check] = ref.split('/');
  const kit = kits.find((one) => one.kit === id);
  return kit !== undefined && (check === undefined || kit.checks.some((one) => one.id === check));
}

type Effect = Pick<PolicyEffect, 'added' | 'removed' | 'changed'>;

/** What changes of the checks between the two; worked out once for all hosts that go from the one to the other. */
export function effectOf(before: InForce, after: InForce, kits: Kits): Effect {
  const effect: Effect = { added: [], removed: [], changed: [] };
  for (const { kit, checks } of kits) {
    for (const { id, severity } of checks) {
      const [was, is] = [before.applies(kit, id), after.applies(kit, id)];
      const ref = `${kit}/${id}`;
      if (was !== is) (is ? effect.added : effect.removed).push(ref);
      else if (is && countsAs(before, kit, id, severity) !== countsAs(after, kit, id, severity))
        effect.changed.push(ref);
    }
  }
  return effect;
}

function countsAs(held: InForce, kit: string, check: string, own: Severity): string {
  const severity = held.severity(kit, check, own);
  return `${severity} ${held.slaDays(kit, check, severity)}`;
}
