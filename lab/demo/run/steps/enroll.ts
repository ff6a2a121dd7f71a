import type { Deployment } from '../../../../src/model/deployment.ts';
import type { Host } from '../../../../src/model/estate.ts';
import { hostsOf } from '../api.ts';
import type { Demo } from '../context.ts';
import { until } from '../wait.ts';

/** Deploys agents to the given hosts and tells how each went. */
export async function deploy(
  { people: { operator }, account }: Demo,
  hostIds: string[],
  options: { force?: boolean; acceptHostKey?: boolean; agentless?: boolean } = {},
): Promise<Deployment> {
  const started = await operator.createDeployment({ body: { hostIds, ...options } });
  const done = await until('the deployment to end', 120, async () => {
    const now = await operator.getDeployment({ params: { id: started.id } });
    return now.state === 'done' ? now : null;
  });
  account.table(done.hosts.map((host) => [host.hostName, host.state, host.credential ?? '', host.why ?? '']));
  return done;
}

const at = (hosts: Host[], address: string): Host | undefined => hosts.find((host) => host.addresses.includes(address));

/** Agents onto everything found; then onto what the agents' own connections led to. */
export async function enroll(demo: Demo): Promise<void> {
  const { people, estate, account } = demo;
  const before = await hostsOf(people.operator);
  await deploy(
    demo,
    before.map(({ id }) => id),
  );
  const hidden = estate.hosts.find(({ spec }) => spec.place.startsWith('15.'));
  if (hidden) {
    const found = await until('a connection to lead to the hidden host', 60, async () =>
      at(await hostsOf(people.operator), hidden.address),
    );
    account.claim(
      'a host outside the scanned range was found by following a connection',
      found.sources.includes('peer'),
      `${found.name} at ${hidden.address}, seen by ${found.sources.join(' and ')}`,
    );
    await until('SSH on the hidden host to be seen', 30, async () => {
      const { endpoints } = await people.operator.getHost({ params: { id: found.id } });
      return endpoints.some(({ port }) => port === hidden.sshPort);
    });
    await deploy(demo, [found.id]);
  }
  await checkManaged(demo);
}

async function checkManaged({ people: { operator }, estate, account }: Demo): Promise<void> {
  const hosts = await hostsOf(operator);
  const reachable = estate.hosts.filter(({ spec }) => spec.login !== 'none');
  const managed = reachable.filter(({ address }) => at(hosts, address)?.management === 'managed');
  account.claim(
    'every host that can be logged in to is managed',
    managed.length === reachable.length,
    `${managed.length} of ${reachable.length}`,
  );
  for (const { name, address } of estate.hosts.filter(({ spec }) => spec.login === 'none')) {
    const host = at(hosts, address);
    account.claim(
      'a host that nobody can log in to stays visible, and says why it is not managed',
      host?.management === 'unmanageable' && Boolean(host.note),
      `${name}: ${host?.management ?? 'not there'}${host?.note ? ` (${host.note})` : ''}`,
    );
  }
}
