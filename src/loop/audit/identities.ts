import type { Host } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Agentless } from './collect.ts';
import type { Evidence } from './logic/judge/context.ts';
import { type Holder, type Identity, lyingOn, type Own, ownIdentities, withHolders } from './logic/identities.ts';
import {
  type Boot,
  forgetIdentities,
  holdersOf,
  type HolderRow,
  setIdentities,
  shownElsewhere,
} from './store-identities.ts';

interface Context {
  platform: Pick<Platform, 'db'>;
  discovery: Pick<Discovery, 'briefs'>;
  agentless: Agentless | null;
}

/** So many others are named; that there are any is what counts. */
const MOST_NAMED = 6;

const bootOf = ({ facts, host }: Pick<Evidence, 'facts' | 'host'>): Boot => ({
  hostId: host.id,
  bootId: facts.os?.bootId ?? null,
  hostname: facts.os?.hostname ?? '',
});

type Told = Pick<Evidence, 'facts' | 'endpoints'> & { host: Host };

/** `before`: records of the same machine. */
type ToldOf = Told & { before: readonly Pick<Host, 'id'>[] };

/** What tells this machine from others, and who else has it: asked by its own few values, however many hosts there are. */
export async function identitiesOf(context: Context, told: ToldOf): Promise<Identity[]> {
  const { db } = context.platform;
  const own = ownIdentities(told);
  const others = { most: MOST_NAMED, but: told.before.map(({ id }) => id) };
  const facts = await holdersOf(db, own, bootOf(told), others);
  const alone = own.filter(({ kind, value }) => !facts.some((one) => one.kind === kind && one.value === value));
  const keys = alone.filter(({ kind }) => kind === 'ssh-host-key').map(({ value }) => value);
  const shown = await shownElsewhere(db, keys, told.host.id, others);
  const holders = await named(context, [...facts, ...shown]);
  return [...withHolders(own, holders), ...(await agentOf(context, told.host))];
}

async function named({ discovery }: Context, rows: readonly HolderRow[]): Promise<Holder[]> {
  if (rows.length === 0) return [];
  const briefs = await discovery.briefs({ ids: [...new Set(rows.map(({ hostId }) => hostId))] });
  const names = new Map(briefs.map(({ id, name }) => [id, name]));
  return rows.map(({ kind, value, hostId, apart }) => ({ kind, value, apart, name: names.get(hostId) ?? hostId }));
}

/** Two machines that were one agent: it is refused, and stands for the host until that is enrolled anew. */
async function agentOf({ agentless }: Context, { agentId }: Host): Promise<Identity[]> {
  const agent = agentId === null ? null : await agentless?.agent(agentId);
  if (!agent) return [];
  const machines = agent.doubled && agent.problem !== null ? [agent.problem] : [];
  return [{ kind: 'agent', value: agent.id, places: [], machines, records: [] }];
}

/**
 * Who comes to share an identity, or is left alone with it, is judged again: one host each time, where a pair begins or
 * ends. Who shares it with more than one already learns nothing new.
 */
export async function noteIdentities(tx: Tx, told: Told & Pick<Evidence, 'identities'>, gone: readonly string[]) {
  const own = lyingOn(told);
  const boot = bootOf(told);
  const { gained, lost } = own === null ? { gained: [], lost: [] } : await setIdentities(tx.db, own, boot);
  const changed = [...gained, ...lost, ...(await forgetIdentities(tx.db, gone))];
  const by = Map.groupBy(await holdersOf(tx.db, changed, boot, { most: 2 }), ({ kind, value }) => `${kind} ${value}`);
  const others = [...by.values()].flatMap((same) => (same.length === 1 ? [same[0]!.hostId] : []));
  const missed = gained.some((one) => by.has(`${one.kind} ${one.value}`) && !knows(told.identities, one));
  for (const hostId of new Set([...others, ...(missed ? [told.host.id] : [])]))
    await tx.enqueue('audit.host', { hostId }, { singletonKey: hostId });
}

/** It was judged with that in sight. */
const knows = (identities: readonly Identity[] = [], { kind, value }: Pick<Own, 'kind' | 'value'>): boolean =>
  identities.some((one) => one.kind === kind && one.value === value && one.machines.length + one.records.length > 0);
