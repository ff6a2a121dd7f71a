import type { Impact } from '../../../model/impact.ts';
import type { Task, Wave } from '../../../model/plan.ts';
import type { PlannedHost } from './inputs.ts';

/** Hosts of the first wave after the canaries. Each later one may be twice as large. */
const FIRST = 10;
/** No wave has more of the plan, and none has more of those that stand in for each other, than one in so many. */
const SHARE = 4;

/** Hosts that stand in for each other; at most `most` of them may be at work at the same time. */
interface Group {
  most: number;
}
/** host → the groups that it belongs to */
type GroupsOf = ReadonlyMap<string, readonly Group[]>;

/**
 * First one host of each kind of task, the one that fewest depend on. Then the rest: waves that grow, and in none of them
 * hosts that stand in for each other, so that somebody is there to carry on.
 */
export function wavesOf(tasks: readonly Task[], hosts: readonly PlannedHost[], impact: Impact): Wave[] {
  const groups = groupsOf(tasks, hosts, impact);
  const canaries = packed(canariesOf(tasks, groups, impact), groups, () => Infinity);
  const chosen = new Set(canaries.flat().map((task) => task.id));
  const rest = tasks.filter((task) => !chosen.has(task.id));
  const largest = Math.max(FIRST, Math.ceil(tasks.length / SHARE));
  const waves = packed(rest, groups, (wave) => Math.min(FIRST * 2 ** wave, largest));
  return [...named('canary', true, canaries), ...named('rest', false, waves)];
}

const named = (name: string, canary: boolean, waves: Task[][]): Wave[] =>
  waves.map((tasks, i) => ({
    name: waves.length > 1 && (i > 0 || !canary) ? `${name} ${i + 1}` : name,
    canary,
    tasks,
  }));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Of each kind the host that fewest depend on; rather the next one than a second of those that stand in for each other. */
function canariesOf(tasks: readonly Task[], groups: GroupsOf, impact: Impact): Task[] {
  const weights = new Map<string, number>();
  for (const { hostId, clients } of impact.restarts) {
    const connections = clients.reduce((sum, client) => sum + client.connections, 0);
    weights.set(hostId, (weights.get(hostId) ?? 0) + connections);
  }
  const weight = (task: Task): number => weights.get(task.hostId) ?? 0;
  const ids = new Set<string>();
  const taken: Taken = new Map();
  for (const kind of Map.groupBy(tasks, kindOf).values()) {
    const sorted = kind.toSorted((a, b) => weight(a) - weight(b) || compare(a.hostName, b.hostName));
    const chosen = sorted.find((task) => fits(groups.get(task.hostId) ?? [], taken)) ?? sorted[0]!;
    ids.add(chosen.id);
    take(groups.get(chosen.hostId) ?? [], taken);
  }
  return tasks.filter((task) => ids.has(task.id));
}

const kindOf = (task: Task): string =>
  [...new Set(task.steps.map((step) => (step.kind === 'upgrade-package' ? `${step.kind} ${step.name}` : step.kind)))]
    .sort()
    .join(', ');

/** Each task goes into the first wave that has room for it. */
function packed(tasks: readonly Task[], groups: GroupsOf, room: (wave: number) => number): Task[][] {
  const waves: { tasks: Task[]; taken: Taken }[] = [];
  for (const task of tasks) {
    const own = groups.get(task.hostId) ?? [];
    const free = waves.find((wave, i) => wave.tasks.length < room(i) && fits(own, wave.taken));
    const wave: (typeof waves)[number] = free ?? { tasks: [], taken: new Map() };
    if (!free) waves.push(wave);
    wave.tasks.push(task);
    take(own, wave.taken);
  }
  return waves.map((wave) => wave.tasks);
}

/** How many of a group are in the wave. */
type Taken = Map<Group, number>;
const fits = (own: readonly Group[], taken: Taken): boolean =>
  own.every((group) => (taken.get(group) ?? 0) < group.most);
function take(own: readonly Group[], taken: Taken): void {
  for (const group of own) taken.set(group, (taken.get(group) ?? 0) + 1);
}

/** By their tag `role`, and by who was seen to use either of them for the same thing. */
function groupsOf(tasks: readonly Task[], hosts: readonly PlannedHost[], impact: Impact): GroupsOf {
  const planned = new Set(tasks.map((task) => task.hostId));
  const roles = Map.groupBy(
    hosts.filter((host) => host.role !== undefined && planned.has(host.id)),
    (host) => host.role,
  );
  const sets = [
    ...[...roles.values()].map((own) => own.map((host) => host.id)),
    ...impact.restarts.map((restart) => [restart.hostId, ...(restart.alternatives ?? []).map((one) => one.hostId)]),
  ].map((ids) => [...new Set(ids)].sort());
  const groups = new Map<string, Group[]>();
  for (const ids of new Map(sets.map((set) => [set.join('\n'), set])).values()) {
    const group = { most: Math.max(1, Math.floor(ids.length / SHARE)) };
    if (ids.length > 1) for (const id of ids) groups.set(id, [...(groups.get(id) ?? []), group]);
  }
  return groups;
}
