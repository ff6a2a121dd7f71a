import * as z from 'zod';
import { endpointName } from '../../../model/endpoint-name.ts';
import type { Endpoint } from '../../../model/estate.ts';
import type { Facts, SectionName } from '../../../model/facts.ts';

export const IdentityKind = z.enum(['agent', 'machine-id', 'ssh-host-key']);
export type IdentityKind = z.infer<typeof IdentityKind>;

/** Something that tells this machine from all others, and who has it as well. */
export const Identity = z.object({
  kind: IdentityKind,
  value: z.string(),
  /** files and listeners; of an agent, where its machines called from */
  places: z.array(z.string()),
  /** other machines that have it, by name: the first few */
  machines: z.array(z.string()),
  /** records that show it and may be this machine at another address, or a copy: nothing of their own facts is known */
  records: z.array(z.string()),
});
export type Identity = z.infer<typeof Identity>;
export const Identities = z.array(Identity);

/** Without these a host has said nothing of who it is. */
export const IDENTITY_SECTIONS: readonly SectionName[] = ['os', 'settings'];

export type Own = Pick<Identity, 'kind' | 'value' | 'places'>;
/** Another host that has one of them. `apart`: surely another machine. */
export interface Holder {
  kind: IdentityKind;
  value: string;
  name: string;
  apart: boolean;
}

/** systemd's word for a machine that has none yet. */
const NO_ID = 'uninitialized';

interface Told {
  facts: Partial<Facts>;
  endpoints: readonly Endpoint[];
}

/** What lies on its disk. Null: its facts do not say. */
export function lyingOn({ facts }: Pick<Told, 'facts'>): Own[] | null {
  if (!facts.os || !facts.settings) return null;
  const { machineId } = facts.os;
  const keys = (facts.settings.sshHostKeys ?? []).map(({ path, fingerprint }) => key(fingerprint, path));
  return machineId && machineId !== NO_ID
    ? [{ kind: 'machine-id', value: machineId, places: ['/etc/machine-id'] }, ...keys]
    : keys;
}

const key = (value: string, place: string): Own => ({ kind: 'ssh-host-key', value, places: [place] });

/** With the SSH host keys that its own servers have in memory: whatever lies on the disk by now, they prove those. */
export function ownIdentities(told: Told): Own[] {
  const all = [...(lyingOn(told) ?? []), ...served(told)];
  return [...Map.groupBy(all, ({ kind, value }) => `${kind} ${value}`).values()].map((same) => ({
    ...same[0]!,
    places: same.flatMap(({ places }) => places),
  }));
}

/** A port that leads to another machine shows that one's key: only sockets of the host's own count. */
function served({ facts, endpoints }: Told): Own[] {
  return endpoints.flatMap((endpoint) => {
    const { probe, state, port, probedAt } = endpoint;
    if (state !== 'open' || probe?.protocol !== 'ssh') return [];
    const socket = (facts.sockets ?? []).find((one) => one.port === port);
    const process = socket && (facts.processes ?? []).find(({ pid }) => pid === socket.pid);
    const isOlder = (process?.startedAt ?? '') > (probedAt ?? '');
    return socket && !isOlder ? probe.hostKeys.map(({ fingerprint }) => key(fingerprint, endpointName(endpoint))) : [];
  });
}

export function withHolders(own: readonly Own[], holders: readonly Holder[]): Identity[] {
  const by = Map.groupBy(holders, ({ kind, value }) => `${kind} ${value}`);
  return own.map((one) => {
    const others = by.get(`${one.kind} ${one.value}`) ?? [];
    const names = (apart: boolean): string[] =>
      [...new Set(others.filter((other) => other.apart === apart).map(({ name }) => name))].toSorted();
    return { ...one, machines: names(true), records: names(false) };
  });
}
