import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { hexAddress } from '../../lab/demo/sockets.ts';
import { createAccount } from '../../lab/demo/run/account.ts';
import { createApi, hostsOf, type Api } from '../../lab/demo/run/api.ts';
import { buildArtifacts } from '../../lab/demo/run/build.ts';
import type { Demo } from '../../lab/demo/run/context.ts';
import { setUpEstate, setUpPeople } from '../../lab/demo/run/setup.ts';
import { rollOut } from '../../lab/demo/run/steps/change.ts';
import { scanScope } from '../../lab/demo/run/steps/discover.ts';
import { deploy } from '../../lab/demo/run/steps/enroll.ts';
import { until } from '../../lab/demo/run/wait.ts';
import { startEstate, type DemoHost } from '../../lab/demo/estate.ts';
import { on } from '../../lab/demo/testing.ts';
import { signApproval } from '../../src/cli/approval.ts';
import type { Role as PersonRole } from '../../src/model/actor.ts';
import type { Change, Left } from '../../src/model/change.ts';
import type { Host } from '../../src/model/estate.ts';
import type { Finding } from '../../src/model/finding.ts';
import { testPlatform, type TestPlatform } from '../../src/platform/testing.ts';
import { freePort, startRole, type Role, type RoleOptions, type RoleProcess } from './processes.ts';

/** The vulnerable servers of the estate are binaries that exist for one kind of machine. */
export const skip =
  process.platform === 'linux' && process.arch === 'x64'
    ? false
    : 'the demo estate needs binaries that exist for linux x64 only';

/** Where the product's data lie: a database that the test may also enter by the back door. */
export interface Database {
  urls: { root: string; owner: string; app: string };
  dataDir: string;
  close(): Promise<void>;
}

export interface LabOptions {
  /** second number of the estate's addresses: every file has its own, so that runs do not meet */
  net: number;
  only: readonly string[];
  /** one process for everything unless told otherwise */
  roles?: readonly Role[];
  database?: Database;
}

/** A running product, an estate that it manages, and people; everything real. */
export interface Lab extends Demo {
  roles: Map<Role, RoleProcess>;
  start(role: Role): Promise<void>;
  /** as the superuser of the database, past every trigger */
  sql<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
  database: Database;
  told(): string;
  close(): Promise<void>;
}

export async function testDatabase(): Promise<Database & { platform: TestPlatform }> {
  const platform = await testPlatform();
  const close = (): Promise<void> => platform.close();
  return { platform, urls: platform.urls, dataDir: platform.config.dataDir, close };
}

export async function startLab({ net, only, roles = ['up'], database: given }: LabOptions): Promise<Lab> {
  const work = mkdtempSync(join(tmpdir(), 'lastember-rows-'));
  const closing: (() => Promise<unknown>)[] = [async () => rmSync(work, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const database = given ?? (await testDatabase());
    closing.push(() => database.close());
    const options: RoleOptions = {
      dataDir: database.dataDir,
      databaseUrl: database.urls.app,
      databaseOwnerUrl: database.urls.owner,
      port: await freePort(),
      agentPort: await freePort(),
    };
    const running = new Map<Role, RoleProcess>();
    closing.push(() => Promise.all([...running.values()].map((each) => each.stop())));
    const start = async (role: Role): Promise<void> => void running.set(role, await startRole(role, options));
    const estate = await startEstate({ dir: join(work, 'estate'), only, net });
    closing.push(() => estate.stop());
    await buildArtifacts(() => {});
    for (const role of roles) await start(role);
    const told: string[] = [];
    const account = createAccount({ write: (text: string) => told.push(text) } as unknown as NodeJS.WritableStream);
    const local = readLocal(database.dataDir);
    const admin = createApi(local.url, local.token);
    const server = { ...local, dataDir: database.dataDir, stop: close };
    const people = await setUpPeople(server, admin, work);
    const demo: Demo = {
      options: { once: true, json: true, keep: false, port: options.port, agentPort: options.agentPort, net },
      account,
      server,
      estate,
      admin,
      people,
      out: work,
    };
    const sql = (text: string, values?: unknown[]) => asSuperuser(database.urls.root, text, values) as Promise<never>;
    return { ...demo, roles: running, start, sql, database, told: () => told.join(''), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function readLocal(dataDir: string): { url: string; token: string } {
  return JSON.parse(readFileSync(join(dataDir, 'local.json'), 'utf8')) as { url: string; token: string };
}

/** What somebody with the database's superuser can do: everything, triggers or not. */
async function asSuperuser(url: string, text: string, values: unknown[] = []): Promise<object[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("set session_replication_role = 'replica'");
    return (await client.query(text, values)).rows as object[];
  } finally {
    await client.end();
  }
}

/** One more person with an approver key of their own. */
export async function addPerson(lab: Lab, name: string, role: PersonRole): Promise<{ api: Api; pem: string }> {
  await lab.admin.addUser({ body: { name, role, password: `${name} has a long password` } });
  const { secret } = await lab.admin.addToken({ body: { name: 'test', user: name, days: 1 } });
  const api = createApi(lab.server.url, secret);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from((publicKey.export({ format: 'jwk' }) as { x: string }).x, 'base64url');
  await api.addKey({ body: { name, publicKey: raw.toString('base64') } });
  return { api, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

/** The first day: credentials, authority, scope, a scan, agents on everything, their first facts. */
export async function bringUnderManagement(lab: Lab): Promise<void> {
  await setUpEstate(lab);
  await scanScope(lab);
  const hosts = await hostsOf(lab.people.operator);
  await deploy(
    lab,
    hosts.map(({ id }) => id),
  );
  for (const each of lab.estate.hosts) await freshFacts(lab, each.name, 0);
}

export async function hostNamed(lab: Lab, name: string): Promise<Host> {
  const { address } = lab.estate.host(name);
  const found = (await hostsOf(lab.people.operator)).find((host) => host.addresses.includes(address));
  assert.ok(found, `${name} at ${address} is not among the hosts`);
  return found;
}

/** Waits until the host has sent facts that are newer than then; by its own clock, which is ours. */
export async function freshFacts(lab: Lab, name: string, since: number): Promise<void> {
  await until(`facts of ${name}\n${lab.told()}`, 45, async () => {
    const host = await hostNamed(lab, name);
    if (host.management !== 'managed') return false;
    const facts = await lab.people.operator.getHostFacts({ params: { id: host.id } }).catch(() => null);
    const times = Object.values(facts?.meta ?? {}).map((meta) => Date.parse(meta.collectedAt));
    return times.length > 0 && Math.max(...times) > since;
  });
}

/** Looks again from inside and, with a scan, from outside. */
export async function lookAgain(lab: Lab, names: readonly string[], scan = false): Promise<void> {
  const since = Date.now();
  if (scan) await scanScope(lab);
  const hosts = await Promise.all(names.map((name) => hostNamed(lab, name)));
  await lab.people.operator.startAudit({ body: { hostIds: hosts.map(({ id }) => id) } });
  for (const name of names) await freshFacts(lab, name, since);
}

export const listenerOf = ({ address, spec }: DemoHost): string => `${address}:${spec.services.at(-1)!.port}`;

/** Waits for a finding on that host that is as it should be. */
export async function finding(
  lab: Lab,
  name: string,
  what: string,
  fits: (finding: Finding) => boolean,
): Promise<Finding> {
  const { id } = await hostNamed(lab, name);
  let last: Finding[] = [];
  return until(`${name}: ${what}`, 40, async () => {
    last = (await lab.people.operator.listFindings()).items.filter(({ hostId }) => hostId === id);
    return last.find(fits);
  }).catch((error: Error) => {
    const seen = last.map(({ check, component, state, pending }) => `${check} ${component} ${state} ${pending ?? ''}`);
    throw new Error(`${error.message} Seen: ${seen.join('; ')}`, { cause: error });
  });
}

/** Runs a command on the host over SSH, as its administrator would; it has to succeed. */
export async function asRoot(lab: Lab, name: string, command: string): Promise<string> {
  const ran = await on(lab.estate, name, command);
  assert.equal(ran.code, 0, `${command} on ${name}: ${ran.stderr}`);
  return ran.stdout;
}

/** Restarts a host's own service, and waits until the host itself can see that it listens again. */
export async function restart(lab: Lab, name: string): Promise<void> {
  await asRoot(lab, name, `systemctl restart ${name}.service`);
  const { address, spec } = lab.estate.host(name);
  const port = spec.services[0]!.port.toString(16).toUpperCase().padStart(4, '0');
  const listening = ` ${hexAddress(address)}:${port} 00000000:0000 0A `;
  await until(`${name}.service to listen`, 15, async () => readHostFile(lab, name, 'proc/net/tcp').includes(listening));
}

export const readHostFile = (lab: Lab, name: string, path: string): string =>
  readFileSync(join(lab.estate.host(name).root, path), 'utf8');
export function writeHostFile(lab: Lab, name: string, path: string, text: string, mode = 0o600): void {
  const file = join(lab.estate.host(name).root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}
export const removeHostFile = (lab: Lab, name: string, path: string): void =>
  rmSync(join(lab.estate.host(name).root, path), { force: true });
export const hasHostFile = (lab: Lab, name: string, path: string): boolean =>
  existsSync(join(lab.estate.host(name).root, path));
export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** A plan for the open findings of a kit on these hosts. */
export async function planFor(
  lab: Lab,
  names: readonly string[],
  { kit = 'heartbleed', author = lab.people.operator }: { kit?: string; author?: Api } = {},
): Promise<{ change: Change; left: Left[] }> {
  const hosts = await Promise.all(names.map(async (name) => (await hostNamed(lab, name)).id));
  const wish = { kit, hosts, title: `Fix ${names.join(', ')}`, reason: 'a test of the whole loop' };
  return author.createChange({ body: wish });
}

export async function approved(lab: Lab, change: Change): Promise<Change> {
  const pem = readFileSync(lab.people.keyFile, 'utf8');
  const body = signApproval(pem, change.id, change.planDigest!, new Date());
  return lab.people.approver.approveChange({ params: { id: change.id }, body });
}

/** Approves it and carries it out, to whatever end. */
export async function carryOut(lab: Lab, change: Change): Promise<Change> {
  await approved(lab, change);
  return rollOut(lab, change.id);
}

/** Waits until every entry has its place in the tree; the size of the signed tree. */
export async function sequenced(lab: Lab): Promise<number> {
  await until('every entry to have its place', 20, async () => {
    const [row] = await lab.sql<{ open: number }>('select count(*)::int as open from ledger.unsequenced');
    return row?.open === 0;
  });
  return (await lab.people.operator.getTrailCheckpoint()).size;
}

export interface Entry {
  type: string;
  detail: Record<string, unknown>;
}

/** What the trail holds about a change, oldest first. */
export async function entriesOf(lab: Lab, change: Change, type?: string): Promise<Entry[]> {
  await sequenced(lab);
  const query = { subject: `change:${change.id}`, limit: 1000, ...(type ? { type } : {}) };
  const { items } = await lab.people.operator.listTrail({ query });
  return items.map(({ entry }) => entry as unknown as Entry).reverse();
}
