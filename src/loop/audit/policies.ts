import type { Actor } from '../../model/actor.ts';
import type { Host } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import type { PolicyEffect, PolicyInput, PolicyList, PolicyPreview, PolicySet } from '../../model/policy.ts';
import type { Tx } from '../../platform/context.ts';
import type { Judge } from './judge-host.ts';
import { effectOf, type InForce, policies, problemIn, profileHas, twiceIn } from './logic/policy.ts';
import { changed, lockPolicies, loosenable, readPolicies, writePolicies } from './store-policies.ts';
import { plainJson } from './tables.ts';

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'refreshKits'>;
type HeldHost = Pick<Host, 'id' | 'name' | 'tags' | 'owner'>;

const kitsOf = ({ kits }: Context) => kits.map(({ kit }) => kit);

/** As the set would be with the input. What cannot be taken is refused as a whole. */
function merged(context: Context, before: PolicySet, { profiles, policies: bound, keep }: PolicyInput): PolicySet {
  const asked = { profiles, policies: bound };
  const after = keep ? { profiles: over(before.profiles, profiles), policies: over(before.policies, bound) } : asked;
  const problem = twiceIn(asked) ?? problemIn(after, profiles, kitsOf(context));
  if (problem) throw new AppError('POLICY_INVALID', { name: problem.where, why: problem.what });
  return after;
}

const over = <T extends { name: string }>(before: readonly T[], input: readonly T[]): T[] => [
  ...before.filter(({ name }) => !input.some((one) => one.name === name)),
  ...input,
];

export async function setPolicies(context: Context, actor: Actor, input: PolicyInput): Promise<PolicyPreview> {
  await context.refreshKits();
  return change(context, actor, (before) => merged(context, before, input));
}

export async function previewPolicies(context: Context, input: PolicyInput): Promise<PolicyPreview> {
  await context.refreshKits();
  const before = await readPolicies(context.platform.db);
  return told(context, await moved(context, before, merged(context, before, input)));
}

export async function removePolicy(context: Context, actor: Actor, name: string): Promise<PolicyPreview> {
  return change(context, actor, (before) => {
    if (!before.policies.some((one) => one.name === name))
      throw new AppError('NOT_FOUND', { what: 'policy', id: name, list: 'policies list' });
    return { ...before, policies: before.policies.filter((one) => one.name !== name) };
  });
}

export async function removeProfile(context: Context, actor: Actor, name: string): Promise<PolicyPreview> {
  return change(context, actor, (before) => {
    if (!before.profiles.some((one) => one.name === name))
      throw new AppError('NOT_FOUND', { what: 'profile', id: name, list: 'policies list' });
    const used = before.policies.find(({ profile }) => profile === name);
    if (used) throw new AppError('PROFILE_IN_USE', { name, policy: used.name });
    return { ...before, profiles: before.profiles.filter((one) => one.name !== name) };
  });
}

/** Only hosts for which something changes are judged again; the sweep finds those whose job was lost. */
async function change(context: Context, actor: Actor, to: (before: PolicySet) => PolicySet): Promise<PolicyPreview> {
  return context.platform.observe(actor, async (tx) => {
    await lockPolicies(tx.db);
    const before = await readPolicies(tx.db);
    const after = to(before);
    const effects = await moved(context, before, after);
    const nothing = changed(before.profiles, after.profiles).length + changed(before.policies, after.policies).length;
    const fewer = before.profiles.length + before.policies.length - after.profiles.length - after.policies.length;
    if (nothing === 0 && fewer === 0) return told(context, effects);
    await writePolicies(tx.db, before, after);
    await record(tx, before, after, effects.length);
    for (const { host } of effects) await tx.enqueue('audit.host', { hostId: host.id }, { singletonKey: host.id });
    await tx.publish('findings', {});
    return told(context, effects);
  });
}

async function record(tx: Tx, before: PolicySet, after: PolicySet, hosts: number): Promise<void> {
  const gone = (was: readonly { name: string }[], is: readonly { name: string }[]): string[] =>
    was.map(({ name }) => name).filter((name) => !is.some((one) => one.name === name));
  const set = {
    profiles: changed(before.profiles, after.profiles),
    policies: changed(before.policies, after.policies),
  };
  const removed = {
    profiles: gone(before.profiles, after.profiles),
    policies: gone(before.policies, after.policies),
  };
  const names = [...set.policies.map(({ name }) => name), ...removed.policies];
  await tx.record({
    type: 'audit.policies.changed',
    subject: { kind: 'policy', id: names.length === 1 ? names[0]! : 'policies' },
    related: names.length > 1 ? names.map((name) => ({ kind: 'policy' as const, id: name })) : [],
    detail: plainJson({ set, removed, before: wereBefore(before, set, removed), hosts }),
  });
}

type Names = { profiles: readonly string[]; policies: readonly string[] };

/** As they were, whatever is set or removed. */
function wereBefore(before: PolicySet, set: PolicySet, removed: Names): PolicySet {
  const touched = (list: readonly { name: string }[], gone: readonly string[]): Set<string> =>
    new Set([...list.map(({ name }) => name), ...gone]);
  const [profiles, bound] = [touched(set.profiles, removed.profiles), touched(set.policies, removed.policies)];
  return {
    profiles: before.profiles.filter(({ name }) => profiles.has(name)),
    policies: before.policies.filter(({ name }) => bound.has(name)),
  };
}

interface Moved {
  host: HeldHost;
  before: InForce;
  after: InForce;
}

async function moved({ discovery }: Context, before: PolicySet, after: PolicySet): Promise<Moved[]> {
  const [was, is] = [policies(before), policies(after)];
  const hosts = await discovery.hosts();
  return hosts
    .map((host) => ({ host, before: was(host), after: is(host) }))
    .filter((one) => one.before.text !== one.after.text);
}

const MOST_TOLD = 200;

async function told(context: Context, hosts: readonly Moved[]): Promise<PolicyPreview> {
  const kits = kitsOf(context);
  const known = new Map<InForce, Map<InForce, ReturnType<typeof effectOf>>>();
  const effect = (before: InForce, after: InForce): ReturnType<typeof effectOf> => {
    const of = known.get(before) ?? new Map<InForce, ReturnType<typeof effectOf>>();
    const found = of.get(after) ?? effectOf(before, after, kits);
    known.set(before, of.set(after, found));
    return found;
  };
  const effects = hosts.map(({ host, before, after }): PolicyEffect => ({
    hostId: host.id,
    hostName: host.name,
    before: [...before.policies],
    after: [...after.policies],
    ...effect(before, after),
  }));
  const removed = new Map(effects.map((one) => [one.hostId, new Set(one.removed)]));
  const open = await loosenable(context.platform.db, [...removed.keys()]);
  const closes = open.filter(({ hostId, ref }) => removed.get(hostId)?.has(ref));
  return {
    hosts: effects.length,
    effects: effects.slice(0, MOST_TOLD),
    more: Math.max(0, effects.length - MOST_TOLD),
    closes: closes.reduce((sum, { findings }) => sum + findings, 0),
  };
}

export async function listPolicies(context: Context): Promise<PolicyList> {
  const set = await readPolicies(context.platform.db);
  const held = policies(set);
  const bound = (await context.discovery.hosts()).map((host) => held(host).policies);
  const matches = Map.groupBy(bound.flat(), (name) => name);
  const checks = kitsOf(context).flatMap((kit) => kit.checks.map(({ id }) => [kit.kit, id] as const));
  return {
    profiles: set.profiles.map((profile) => ({
      ...profile,
      checks: checks.filter(([kit, id]) => profileHas(profile, kit, id)).length,
    })),
    policies: set.policies.map((policy) => ({ ...policy, matches: matches.get(policy.name)?.length ?? 0 })),
    unbound: bound.filter((names) => names.length === 0).length,
  };
}
