import type { Host, Identifier, Management, Sighting } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from './face.ts';
import { normalAddress, tellsMachinesApart } from '../../scan/logic/address.ts';
import { LISTS } from '../../model/seen.ts';
import { contradiction } from './logic/reconcile.ts';
import { strong } from './logic/strong.ts';
import { merge } from './merge.ts';
import { NAME_RANK, renameHost } from './names.ts';
import { recordSightings } from './sightings.ts';
import { endOtherClaims, noteAddress } from './store-addresses.ts';
import { firmIdentifiers, hostsAround } from './store-around.ts';
import { saveSystem } from './store-device.ts';
import { findHost, hostIdAt, lockIdentities, updateHost } from './store-hosts.ts';
import { holdHosts } from './store-presence.ts';
import { noteCarried } from './shared.ts';
import { noteIdentifiers, noteSighting } from './store-seen.ts';
import { areApart } from './store-merges.ts';
import { listedTwins } from './store-sources.ts';
import { type Telling, twinsOf } from './store-twins.ts';

type Attach = Parameters<Discovery['attachAgent']>[1];

/** Addresses that say something about which machine this is, each once. */
function usable(addresses: readonly string[]): string[] {
  const normal = addresses.map(normalAddress).filter((address) => address !== null);
  return [...new Set(normal.filter(tellsMachinesApart))];
}

/** Finds or makes the host that a newly enrolled agent runs on, and marks it managed. */
export async function attachAgent(platform: Platform, tx: Tx, agent: Attach): Promise<string> {
  const addresses = usable(agent.addresses);
  const { identifiers, hostname } = agent;
  const told: Omit<Sighting, 'address'> = { source: 'agent', at: tx.now.toISOString(), identifiers, hostname };
  await lockIdentities(tx.db);
  const expected = await expectedHost(tx, agent);
  const address = expected ? await addressOf(tx, expected, addresses) : await whereKnown(tx, addresses);
  const sighting = { ...told, address };
  const around = expected ? [expected] : (await hostsAround(tx.db, [sighting])).map(({ id }) => id);
  await holdHosts(tx.db, [...around, ...(await twinsOf(tx.db, { hostIds: around, identifiers, addresses }))]);
  if (expected) await noteSighting(tx.db, expected, sighting);
  const hostId = expected ?? (await recordSightings(platform, tx, [sighting], undefined, agent.reporting))[0]!.hostId;
  await updateHost(tx.db, hostId, {
    management: 'managed',
    agent_id: agent.agentId,
    agent_version: agent.version,
  });
  await claimAddresses(tx, hostId, addresses);
  // These are all of its interfaces' addresses, so what was claimed for it and is not among them has ended.
  await endOtherClaims(tx.db, hostId, addresses);
  await renameHost(tx, hostId, agent.hostname, NAME_RANK.host);
  await adoptMeasured(tx, hostId);
  await tx.publish('hosts', { hostId });
  return hostId;
}

/** The token said which host it was for. On a machine that is plainly another one it is good for nothing. */
async function expectedHost(tx: Tx, agent: Attach): Promise<string | null> {
  if (!agent.expectedHostId) return null;
  const host = await findHost(tx.db, agent.expectedHostId);
  if (!host) return null;
  const other = contradiction({ identifiers: await firmIdentifiers(tx.db, host.id) }, agent);
  if (other) throw new AppError('ENROLL_OTHER_HOST', { host: host.name, why: String(other) });
  return host.id;
}

async function addressOf(tx: Tx, hostId: string, addresses: string[]): Promise<string> {
  const host = await findHost(tx.db, hostId);
  return (
    host?.addresses.find((address) => addresses.includes(address)) ?? addresses[0] ?? host?.addresses[0] ?? '0.0.0.0'
  );
}

/** The address where we know a host already tells most; an agent without any address is a new host. */
async function whereKnown(tx: Tx, addresses: readonly string[]): Promise<string> {
  const known = await Promise.all(addresses.map((address) => hostIdAt(tx.db, address)));
  const address = addresses[known.findIndex((id) => id !== null)] ?? addresses[0];
  if (!address) throw new AppError('INPUT_INVALID', { why: 'the agent reports no address besides loopback' });
  return address;
}

async function claimAddresses(tx: Tx, hostId: string, addresses: string[]): Promise<void> {
  for (const address of addresses) await noteAddress(tx.db, hostId, address, 'claimed', tx.now);
}

/**
 * A machine with two addresses was found as two hosts while only seen from outside: both answered with the same host
 * key. Now its agent says that both addresses are its own, and the keys measured there agree: one host after all. An
 * address that is merely claimed merges nothing (row 1.10).
 */
async function adoptMeasured(tx: Tx, hostId: string): Promise<void> {
  const host = await findHost(tx.db, hostId);
  if (!host) return;
  for (const address of host.addresses) {
    const other = await otherAt(tx, hostId, address);
    const theirs = strong(other?.identifiers ?? []);
    const proven = theirs.length > 0 && theirs.every((i) => has(host.identifiers, i));
    if (!other || !proven || (await areApart(tx.db, hostId, other.id))) continue;
    const kinds = [...new Set(theirs.map((i) => i.kind))].join(', ');
    const why = `the agent has ${address}, and what was measured there (${kinds}) is its own`;
    await merge(tx, { from: other.id, into: hostId, addresses: [address], why });
  }
}

/** Another record at that address that no agent speaks for. */
async function otherAt(tx: Tx, hostId: string, address: string): Promise<Host | null> {
  const otherId = await hostIdAt(tx.db, address);
  const other = otherId && otherId !== hostId ? await findHost(tx.db, otherId) : null;
  return other && other.management !== 'managed' && !other.agentId ? other : null;
}

const has = (all: readonly Identifier[], one: Identifier): boolean =>
  all.some((i) => i.kind === one.kind && i.value === one.value);

export async function setManagement(tx: Tx, hostId: string, management: Management, note?: string): Promise<void> {
  await updateHost(tx.db, hostId, { management, ...(note === undefined ? {} : { note }) });
  await tx.publish('hosts', { hostId });
}

/**
 * What facts tell about who and where a host is. All that may be written of is held before anything is; where another
 * record may turn out to be this machine, under the lock that decides (decision 0103).
 */
export async function updateIdentity(
  tx: Tx,
  hostId: string,
  facts: { hostname: string; identifiers: Identifier[]; addresses: string[]; system?: string },
): Promise<void> {
  const addresses = usable(facts.addresses);
  const telling = { identifiers: facts.identifiers, addresses };
  let others = await othersThan(tx, hostId, telling);
  if (others.length > 0) {
    await lockIdentities(tx.db);
    others = await othersThan(tx, hostId, telling);
  }
  await holdHosts(tx.db, [hostId, ...others]);
  await noteIdentifiers(tx.db, hostId, facts.identifiers, tx.now);
  await claimAddresses(tx, hostId, addresses);
  await noteCarried(tx, hostId, addresses);
  await renameHost(tx, hostId, facts.hostname, NAME_RANK.host);
  if (facts.system) await saveSystem(tx.db, hostId, facts.system);
  if (others.length === 0) return;
  await adoptMeasured(tx, hostId);
  await adoptListed(tx, hostId, facts.identifiers);
}

const othersThan = async (tx: Tx, hostId: string, telling: Omit<Telling, 'hostIds'>): Promise<string[]> => [
  ...(await twinsOf(tx.db, { hostIds: [hostId], ...telling })),
  ...(await listedTwins(tx.db, hostId, cloudIds(telling.identifiers), LISTS)),
];

const cloudIds = (identifiers: readonly Identifier[]): string[] =>
  identifiers.filter(({ kind }) => kind === 'cloud-id').map(({ value }) => value);

/** A cloud listed the machine before anybody saw it; now it says itself which one it is. */
async function adoptListed(tx: Tx, hostId: string, identifiers: readonly Identifier[]): Promise<void> {
  const ids = cloudIds(identifiers);
  for (const id of await listedTwins(tx.db, hostId, ids, LISTS)) {
    const other = await findHost(tx.db, id);
    if (!other || (await areApart(tx.db, hostId, id))) continue;
    const why = `the machine says that it is ${ids.join(', ')}, which only lists had told of`;
    await merge(tx, { from: id, into: hostId, addresses: other.addresses, why });
  }
}
