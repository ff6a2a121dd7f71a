/**
 * `node main.ts JSON`, run in a lab's namespace: walks the loop on the lab's hosts with a server of its own. What it
 * found and did comes as one JSON document on standard output; what is going on, on standard error.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../../src/model/change.ts';
import { createApi, hostsOf, type Api } from '../../demo/run/api.ts';
import type { People } from '../../demo/run/context.ts';
import { runCli, startServer, type DemoServer } from '../../demo/run/server.ts';
import { setUpPeople } from '../../demo/run/setup.ts';
import { until } from '../../demo/run/wait.ts';
import { keepAgents } from '../agents.ts';
import { must } from '../command.ts';
import { placeOf } from '../place.ts';
import { LAB_ADDRESS, NETWORK } from '../spec.ts';

export interface LoopInput {
  /** an empty directory that other users may pass through */
  dir: string;
  /** private key that logs in, and password of `ops` for sudo where root cannot log in */
  keyFile: string;
  sudo: { address: string; password: string } | null;
  /** hosts that are to be managed in the end, by name */
  hosts: readonly string[];
  /** addresses of hosts that get no agent and are changed over SSH */
  agentless: readonly string[];
  kit: string;
  /** each once, in the moment when the task of this host runs */
  faults: readonly Injected[];
}

export type Injected =
  | { host: string; fault: readonly string[]; healAfterMs?: number; heal?: readonly string[] }
  | { host: string; server: 'SIGKILL' };

export interface LoopResult {
  found: { name: string; address: string; claim: string }[];
  deployed: { name: string; state: string; why: string | null }[];
  pending: Record<string, string[]>;
  change: Change;
  open: string[];
  trail: { code: number; said: string };
  /** how long deploying to all took, and the change from when it was told to run until its end was written down */
  seconds: { deploy: number; change: number };
}

const input = JSON.parse(process.argv[2]!) as LoopInput;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const LOCAL = `${input.dir}/data/local.json`;
const start = (): Promise<DemoServer> =>
  startServer({
    dataDir: `${input.dir}/data`,
    port: 7414,
    agentPort: 7415,
    agentHost: LAB_ADDRESS,
    logFile: `${input.dir}/server.log`,
  });

async function walk(at: DemoServer, people: People): Promise<LoopResult> {
  const { operator } = people;
  const found = await discover(operator);
  const isAgentless = ({ addresses }: { addresses: string[] }): boolean =>
    addresses.some((address) => input.agentless.includes(address));
  const ids = (some: typeof found): string[] => some.map(({ id }) => id);
  const [deployed, deploying] = await timed(async () => [
    ...(await deploy(operator, { hostIds: ids(found.filter((host) => !isAgentless(host))) })),
    ...(await deploy(operator, { hostIds: ids(found.filter(isAgentless)), agentless: true })),
  ]);
  const pending = await pendingUpdates(operator);
  const id = await planned(at, people);
  const began = Date.now();
  const change = await remediate(people, id);
  const open = (await operator.listFindings({ query: { kit: input.kit, state: ['open'] } })).items;
  const trail = await runCli({ url: at.url, token: people.approver.token }, ['trail', 'verify']);
  return {
    found: found.map(({ name, addresses, claim }) => ({ name, address: addresses[0] ?? '', claim })),
    deployed,
    pending,
    change,
    open: open.map(({ hostName }) => hostName),
    trail: { code: trail.code, said: trail.stdout + trail.stderr },
    seconds: { deploy: deploying, change: (Date.parse(change.updatedAt) - began) / 1000 },
  };
}

async function discover(operator: Api): ReturnType<typeof hostsOf> {
  const privateKey = readFileSync(input.keyFile, 'utf8');
  await operator.addCredential({ body: { kind: 'private-key', name: 'root', username: 'root', privateKey } });
  if (input.sudo)
    await operator.addCredential({
      body: {
        kind: 'private-key',
        name: 'ops',
        username: 'ops',
        privateKey,
        become: 'sudo',
        becomePassword: input.sudo.password,
        for: [input.sudo.address],
      },
    });
  await operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  const scan = await operator.createScan({ body: { scope: 'lab' } });
  await until(
    'the scan to end',
    60,
    async () => (await operator.getScan({ params: { id: scan.id } })).state === 'done',
  );
  const hosts = await hostsOf(operator);
  say(`found ${hosts.map(({ name }) => name).join(', ')}`);
  return hosts;
}

async function deploy(
  operator: Api,
  body: { hostIds: string[]; agentless?: boolean },
): Promise<LoopResult['deployed']> {
  if (body.hostIds.length === 0) return [];
  const { id } = await operator.createDeployment({ body });
  const done = await until('the deployment to end', 240, async () => {
    const now = await operator.getDeployment({ params: { id } });
    return now.state === 'done' ? now : null;
  });
  const deployed = done.hosts.map(({ hostName, state, why }) => ({ name: hostName, state, why }));
  for (const host of deployed) say(`${host.name}: ${host.state}${host.why ? ` (${host.why})` : ''}`);
  return deployed;
}

async function pendingUpdates(operator: Api): Promise<Record<string, string[]>> {
  const found = await until('every host to be judged', 180, async () => {
    const { items } = await operator.listFindings({ query: { kit: input.kit, state: ['open'] } });
    const by = new Map(items.map((finding) => [finding.hostName, finding]));
    return input.hosts.every((name) => by.has(name)) ? items : null;
  });
  const pending = Object.fromEntries(
    found.map(({ hostName, evidence }) => [hostName, (evidence['packages'] ?? []) as string[]]),
  );
  for (const [host, packages] of Object.entries(pending)) say(`${host}: ${packages.length} packages pending`);
  return pending;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await work(), (performance.now() - start) / 1000];
}

/** A change with an approved plan: its id. */
async function planned(at: DemoServer, { author, approver, operator, keyFile }: People): Promise<string> {
  const wish = { kit: input.kit, title: 'Security updates', reason: 'the archive has fixes that are not installed' };
  const { change: created } = await author.createChange({ body: wish });
  const now = (): Promise<Change> => operator.getChange({ params: { id: created.id } });
  await until('the plan to be made', 60, async () => (await now()).planDigest);
  const approve = ['change', 'approve', created.id, '--key', keyFile, '--yes'];
  const approved = await runCli({ url: at.url, token: approver.token }, approve);
  if (approved.code !== 0) throw new Error(`The approval failed: ${approved.stderr}`);
  say(`plan ${(await now()).planDigest} is approved: ${(await now()).predicted?.summary}`);
  return created.id;
}

/**
 * A fault belongs into the moment when a task runs. Without one, asking that often only takes from who is at work, and when
 * it ended, the change itself says.
 */
const LOOK_MS = input.faults.length > 0 ? 150 : 2000;

async function remediate({ operator }: People, id: string): Promise<Change> {
  const now = (): Promise<Change> => operator.getChange({ params: { id } });
  await operator.runChange({ params: { id } });
  const told = new Set<string>();
  const waiting = [...input.faults];
  const look = async (): Promise<Change | null> => {
    // The server may be away: that is one of the faults.
    const change = await now().catch(() => null);
    if (change === null) return null;
    for (const task of change.waves.flatMap((wave) => wave.tasks)) {
      const text = `${task.hostName} ${task.state}${task.error ? `: ${task.error}` : ''}`;
      if (!told.has(text)) say(text);
      told.add(text);
      for (const injected of waiting.filter(({ host }) => host === task.hostName && task.state === 'running')) {
        waiting.splice(waiting.indexOf(injected), 1);
        await inject(injected);
      }
    }
    return ['closed', 'failed', 'rolled-back', 'cancelled'].includes(change.state) ? change : null;
  };
  return until('the change to end', 900, look, LOOK_MS);
}

const LAB = join(import.meta.dirname, '../main.ts');
const fault = async (argv: readonly string[]): Promise<void> =>
  say((await must([process.execPath, LAB, 'fault', ...argv])).trim());

async function inject(injected: Injected): Promise<void> {
  if ('fault' in injected) {
    await fault(injected.fault);
    const { heal, healAfterMs = 0 } = injected;
    if (heal) void sleep(healAfterMs).then(() => fault(heal));
    return;
  }
  const { pid } = JSON.parse(readFileSync(LOCAL, 'utf8')) as { pid: number };
  process.kill(pid, injected.server);
  await server.stop();
  // It could not take that away itself, and it must not be taken for the new one's.
  rmSync(LOCAL);
  say('the server was killed');
  server = await start();
  say('the server is up again');
}

keepAgents(placeOf(process.env), `${input.dir}/data`);
let server = await start();
try {
  const admin = createApi(server.url, server.token);
  // Before any agent: each pins the approvers that there are when it enrols.
  const people = await setUpPeople(server, admin, input.dir);
  process.stdout.write(`${JSON.stringify(await walk(server, people))}\n`);
} finally {
  await server.stop();
}
