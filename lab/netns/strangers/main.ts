/**
 * `node main.ts JSON`, run in a lab's namespace: a server finds the bastion, deploys an agent there, and lets agents look
 * around behind it, where the server itself reaches nobody. What came of it comes as one JSON document.
 */
import { readFileSync } from 'node:fs';
import { createApi, hostsOf } from '../../demo/run/api.ts';
import { runCli, startServer } from '../../demo/run/server.ts';
import { setUpPeople } from '../../demo/run/setup.ts';
import { until } from '../../demo/run/wait.ts';
import { LAB_ADDRESS, NETWORK } from '../spec.ts';

export interface StrangersInput {
  /** an empty directory that other users may pass through */
  dir: string;
  /** private key that logs in */
  keyFile: string;
}

type Api = ReturnType<typeof createApi>;
export interface StrangersResult {
  /** what the server's own scan of the segment behind the bastion found open */
  scanned: number;
  hidden: Awaited<ReturnType<Api['getHost']>>;
  hosts: { name: string; addresses: string[]; claim: string; sources: string[] }[];
  patrols: Awaited<ReturnType<Api['listPatrols']>>['items'];
  shown: string;
  listed: string;
  trail: { types: string[]; code: number };
}

const input = JSON.parse(process.argv[2]!) as StrangersInput;
const HIDDEN = `${NETWORK}.1.21`;

async function scan(operator: Api, scope: string): Promise<number> {
  const { id } = await operator.createScan({ body: { scope } });
  const done = await until('the scan to end', 120, async () => {
    const now = await operator.getScan({ params: { id } });
    return now.state === 'done' ? now : null;
  });
  return done.counts.open;
}

async function strangers(url: string, admin: Api): Promise<StrangersResult> {
  const { operator, approver } = await setUpPeople({ url } as never, admin, input.dir);
  const privateKey = readFileSync(input.keyFile, 'utf8');
  await operator.addCredential({ body: { kind: 'private-key', name: 'root', username: 'root', privateKey } });
  await operator.createScope({ body: { name: 'near', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  await operator.createScope({ body: { name: 'behind', cidrs: [`${NETWORK}.1.0/24`], ports: 'fast' } });
  await scan(operator, 'near');
  const scanned = await scan(operator, 'behind');
  const behind = (await operator.listScopes()).items.find(({ name }) => name === 'behind')!;
  await operator.updateScope({ params: { id: behind.id }, body: { agents: true } });
  const hostIds = (await hostsOf(operator)).map(({ id }) => id);
  const { id } = await operator.createDeployment({ body: { hostIds } });
  await until('the deployment', 240, async () => (await operator.getDeployment({ params: { id } })).state === 'done');
  await until('the patrol to end', 240, async () =>
    (await operator.listPatrols()).items.some(({ state }) => !['ordered', 'running'].includes(state)),
  );
  const cli = (...args: string[]) => runCli({ url, token: approver.token }, args);
  // An entry has its place in the tree a moment after it was written.
  const entries = await until('the trail to have it', 30, async () => {
    const { items } = await operator.listTrail({ query: { limit: 200 } });
    return items.some(({ entry }) => entry.type === 'discovery.patrol.finished') ? items : null;
  });
  return {
    scanned,
    hidden: await operator.getHost({ params: { id: HIDDEN } }),
    hosts: (await hostsOf(operator)).map(({ name, addresses, claim, sources }) => ({
      name,
      addresses,
      claim,
      sources,
    })),
    patrols: (await operator.listPatrols()).items,
    shown: (await cli('scope', 'show', 'behind')).stdout,
    listed: (await cli('agent', 'patrols')).stdout,
    trail: {
      types: entries.map(({ entry }) => entry.type),
      code: (await cli('trail', 'verify')).code,
    },
  };
}

const server = await startServer({
  dataDir: `${input.dir}/data`,
  port: 7414,
  agentPort: 7415,
  agentHost: LAB_ADDRESS,
  logFile: `${input.dir}/server.log`,
});
try {
  process.stdout.write(`${JSON.stringify(await strangers(server.url, createApi(server.url, server.token)))}\n`);
} finally {
  await server.stop();
}
