import type { Endpoint, Host, Scan } from '../../../../src/model/estate.ts';
import { hostsOf } from '../api.ts';
import type { Demo } from '../context.ts';
import { until } from '../wait.ts';

/** Scans the scope and waits for the end. */
export async function scanScope({ people: { operator }, account }: Demo): Promise<Scan> {
  const started = await operator.createScan({ body: { scope: 'demo' } });
  const done = await until('the scan to end', 60, async () => {
    const scan = await operator.getScan({ params: { id: started.id } });
    return ['done', 'failed', 'cancelled'].includes(scan.state) ? scan : null;
  });
  if (done.state !== 'done') throw new Error(`The scan ${done.state}: ${done.error ?? 'no reason given'}.`);
  const { targets, open, newHosts, changed } = done.counts;
  account.say(`${targets} addresses and ports tried, ${open} open, ${newHosts} new hosts, ${changed} changed`);
  return done;
}

export async function discover(demo: Demo): Promise<Host[]> {
  const { people, estate, account } = demo;
  await scanScope(demo);
  const hosts = await hostsOf(people.operator);
  const inRange = estate.hosts.filter(({ spec }) => spec.place.startsWith('14.'));
  const found = inRange.filter(({ address }) => hosts.some((host) => host.addresses.includes(address)));
  account.claim(
    'discovery found every host in the range',
    found.length === inRange.length,
    `${found.length} of ${inRange.length}`,
  );
  const strangers = hosts.filter(({ claim }) => claim === 'unknown');
  const planted = inRange.filter(({ spec }) => !spec.known);
  account.claim(
    'hosts that nobody listed are shown as unknown',
    planted.every(({ address }) => strangers.some((host) => host.addresses.includes(address))) &&
      strangers.length === planted.length,
    strangers.map((host) => host.name).join(', '),
  );
  const leaking = await vulnerableEndpoints(demo);
  account.say(`Heartbleed proven from outside on ${leaking.length} endpoints: ${leaking.map(endpointName).join(', ')}`);
  return hosts;
}

export const endpointName = (endpoint: Pick<Endpoint, 'address' | 'port'>): string =>
  `${endpoint.address}:${endpoint.port}`;

export async function vulnerableEndpoints({ people: { operator } }: Demo): Promise<Endpoint[]> {
  const endpoints = (await operator.listEndpoints({ query: { protocol: 'tls', state: 'open' } })).items;
  return endpoints.filter(({ probe }) => probe?.protocol === 'tls' && probe.heartbleed.verdict === 'vulnerable');
}
