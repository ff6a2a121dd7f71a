/** A server in a lab's own namespace, for tests that stay outside of it: they talk to it through a gate. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, hostsOf, type Api } from '../../demo/run/api.ts';
import type { People } from '../../demo/run/context.ts';
import { runCli, startServer, type DemoServer } from '../../demo/run/server.ts';
import { setUpPeople } from '../../demo/run/setup.ts';
import { until } from '../../demo/run/wait.ts';
import type { Change } from '../../../src/model/change.ts';
import type { Deployment, DeploymentInput } from '../../../src/model/deployment.ts';
import type { Host } from '../../../src/model/estate.ts';
import { keepAgents } from '../agents.ts';
import { ALL_HOSTS } from '../hosts.ts';
import { netnsPath } from '../place.ts';
import { addressOf, LAB_ADDRESS } from '../spec.ts';
import type { TestLab } from './lab.ts';

const PORT = 7414;
export const ENDED: readonly string[] = ['closed', 'failed', 'rolled-back', 'cancelled'];

export const addressOfHost = (name: string): string => addressOf(ALL_HOSTS.find((spec) => spec.name === name)!);

export class LabServer {
  readonly url: string;
  readonly people: People;
  /** the files of this test */
  readonly dir: string;
  readonly #close: () => Promise<void>;

  constructor(url: string, people: People, dir: string, close: () => Promise<void>) {
    this.url = url;
    this.people = people;
    this.dir = dir;
    this.#close = close;
  }

  close(): Promise<void> {
    return this.#close();
  }

  get operator(): Api {
    return this.people.operator;
  }

  /** As a person calls the command line. */
  cli(person: Api, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return runCli({ url: this.url, token: person.token }, args);
  }

  async host(name: string): Promise<Host> {
    const found = await this.hostIfAny(name);
    if (!found) throw new Error(`The server knows no host at the address of ${name}.`);
    return found;
  }

  /** The one record that stands for this lab host. */
  async hostIfAny(name: string): Promise<Host | undefined> {
    const address = addressOfHost(name);
    return (await hostsOf(this.operator)).find(
      (host) => host.addresses.includes(address) && host.presence !== 'superseded',
    );
  }

  async scan(scope: string): Promise<void> {
    const { id } = await this.operator.createScan({ body: { scope } });
    await until('the scan to end', 120, async () => (await this.operator.getScan({ params: { id } })).state === 'done');
  }

  /** Until each host has its result. */
  async deployed(id: string): Promise<Deployment> {
    return until('the deployment to end', 600, async () => {
      const now = await this.operator.getDeployment({ params: { id } });
      return now.finishedAt === null ? null : now;
    });
  }

  async deploy(body: Partial<DeploymentInput>): Promise<Deployment> {
    return this.deployed((await this.operator.createDeployment({ body })).id);
  }

  async approve(...what: string[]): Promise<void> {
    const { approver, keyFile } = this.people;
    const ran = await this.cli(approver, ...what, '--key', keyFile, '--yes');
    if (ran.code !== 0) throw new Error(`${what.join(' ')}: ${ran.stdout}${ran.stderr}`);
  }

  /** A change over these hosts, asked for, planned and approved. */
  async planned(kit: string, names: readonly string[], abortAfterFailures = 0): Promise<Change> {
    const hosts = await Promise.all(names.map(async (name) => (await this.host(name)).id));
    const wish = {
      kit,
      hosts,
      abortAfterFailures,
      title: `${kit} on ${names.join(', ')}`,
      reason: 'a test of the lab',
    };
    const { change } = await this.people.author.createChange({ body: wish });
    await until('the plan to be made', 120, async () => (await this.changeNow(change.id)).planDigest);
    await this.approve('change', 'approve', change.id);
    return this.changeNow(change.id);
  }

  /** Run to its end, which is told after each look. */
  async run(id: string): Promise<Change> {
    await this.operator.runChange({ params: { id } });
    return until('the change to end', 600, async () => {
      const change = await this.changeNow(id);
      return ENDED.includes(change.state) ? change : null;
    });
  }

  changeNow(id: string): Promise<Change> {
    return this.operator.getChange({ params: { id } });
  }
}

export async function serveLab(lab: TestLab): Promise<LabServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-rows-'));
  // Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
  chmodSync(dir, 0o755);
  keepAgents(lab.place, `${dir}/data`);
  const inside = ['nsenter', `--net=${netnsPath(lab.place.name)}`];
  const server = await startServer({
    dataDir: `${dir}/data`,
    port: PORT,
    agentPort: 7415,
    agentHost: LAB_ADDRESS,
    logFile: `${dir}/server.log`,
    inside,
  });
  const gate = await openGate(inside);
  const close = async (): Promise<void> => {
    gate.end();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const outside: DemoServer = { ...server, url: gate.url };
  // Before any agent: each pins the approvers that there are when it enrols.
  const people = await setUpPeople(outside, createApi(outside.url, outside.token), dir);
  return new LabServer(outside.url, people, dir, close);
}

async function openGate(inside: readonly string[]): Promise<{ url: string; end: () => void }> {
  const door = createServer();
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as AddressInfo;
  const [program, ...argv] = [...inside, process.execPath, join(import.meta.dirname, 'gate.ts'), `${PORT}`];
  const child: ChildProcess = spawn(program!, argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const open = once(child, 'message');
  child.send('door', door);
  await open;
  // The gate has it. Were we to stay, we would take every other connection, and answer none.
  door.close();
  return { url: `http://127.0.0.1:${port}`, end: () => void child.kill() };
}

/** A list for `--from`, as a file. */
export function listFile(server: LabServer, rows: readonly string[]): string {
  const path = join(server.dir, 'hosts.csv');
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}
