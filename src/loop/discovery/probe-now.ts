import { systemActor } from '../../model/actor.ts';
import type { Endpoint } from '../../model/estate.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { askEarlierAddresses } from './identity.ts';
import { recordLooks } from './looks.ts';
import { lookOnce, sightingsFrom } from '../../scan/scanner/observe.ts';
import { lookAgainUdp } from '../../scan/scanner/observe-udp.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { guardFor, type LiveScopes, withScopes } from './live-scopes.ts';
import type { Buckets } from './scopes.ts';
import { beforehand } from './server-names.ts';
import { recordSightings } from './sightings.ts';
import { endpointRow, type EndpointRow, findEndpoint, noteProbeError } from './store-endpoints.ts';
import { hostIdAt } from './store-hosts.ts';
import { rejudge } from './rejudge.ts';

interface Wanted extends Pair {
  judge: boolean;
}

/**
 * One fresh look from outside, through the same guard as every scan. What it reads is stored like a scan's; what it
 * could not read is noted beside what was known, and nothing is forgotten. Judged afterwards, unless whoever asks does
 * that: a judgement that looks must not be the cause of the next one.
 */
export async function probeNow(platform: Platform, buckets: Buckets, wanted: Wanted): Promise<Endpoint> {
  return withScopes(platform, (scopes) => probeWithin(platform, buckets, scopes, wanted));
}

async function probeWithin(
  platform: Platform,
  buckets: Buckets,
  scopes: LiveScopes,
  { judge, ...at }: Wanted,
): Promise<Endpoint> {
  const { address, port } = at;
  const { guard } = guardFor(scopes, buckets, address);
  const now = (): Date => platform.now();
  // Somebody asks for a look by hand: what holds is asked anew, by the names that are known.
  const { names } = await beforehand(platform.db, [at]);
  const look =
    at.transport === 'udp'
      ? (await lookAgainUdp(guard, [at], now))[0]!
      : await lookOnce(guard, at, now, undefined, { names: names(at) });
  const known = await knownEndpoint(platform, at);
  if (!look.result && !known)
    throw new AppError('PROBE_STOPPED', { address, port, protocol: 'anything', why: look.error ?? '' });
  const sightings = sightingsFrom([look], 'scan');
  const alive = await askEarlierAddresses(platform, scopes, buckets, sightings);
  const id = await platform.observe(systemActor('probe'), async (tx) => {
    if (!look.result) {
      await noteProbeError(tx.db, known!.id, look.error ?? '');
      if (judge) await rejudge(tx, known!.host_id);
      return known!.id;
    }
    const [decision] = await recordSightings(platform, tx, sightings, alive);
    await recordLooks(platform, tx, decision!.hostId, [look]);
    const row = await endpointRow(tx.db, { hostId: decision!.hostId, ...at });
    if (judge) await rejudge(tx, decision!.hostId);
    return row!.id;
  });
  return (await findEndpoint(platform.db, id))!;
}

async function knownEndpoint(platform: Platform, at: Pair): Promise<EndpointRow | null> {
  const hostId = await hostIdAt(platform.db, at.address, LOCAL_SITE);
  const row = hostId ? await endpointRow(platform.db, { hostId, ...at }) : undefined;
  return row ?? null;
}
