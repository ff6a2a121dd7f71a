import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startAuthority, type Authority } from './ca/index.ts';
import { signRequest } from './ca/client.ts';
import type { Machine } from './guest/machine.ts';
import type { Login } from './host/files.ts';
import { keyAndRequest } from './host/keys.ts';
import { debVersion, publish } from './host/packages.ts';
import type { KeyAndCertificate } from './host/services.ts';
import type { HostSpec } from './host/spec.ts';
import { buildTree } from './host/tree.ts';
import { CERTIFICATES, HOSTS } from './hosts.ts';
import { startProcess, type Supervised } from './process.ts';
import { keepSockets } from './sockets.ts';
import { oldRuntime, oldRuntimes, OLD_VERSIONS, type OldVersion } from './runtimes.ts';
import { newSshKey } from '../../src/host/ssh/testing/keys.ts';

const SSH_PORT = 2222;
const UP_WITHIN_MS = 20_000;
const run = promisify(execFile);

export interface DemoHost {
  name: string;
  address: string;
  sshPort: number;
  /** its root directory on this machine */
  root: string;
  spec: HostSpec;
  /** pid of its supervisor */
  pid: number;
}

export interface Estate {
  hosts: DemoHost[];
  host(name: string): DemoHost;
  /** ports that are worth scanning on this estate */
  ports: string;
  scope: { cidrs: string[]; follow: string[] };
  ca: Authority;
  /** the two ways in; nobody can log in to a host with login `none` */
  login: Login & { privateKey: string };
  /** The machine is thrown away and built again from the same image, at the same address, with a new identity. */
  recreate(name: string): Promise<DemoHost>;
  /** Puts a version of `nodejs` into a host's package repository, made of one of the old runtimes. */
  publish(name: string, version: string, runtime: OldVersion): Promise<void>;
  stop(): Promise<void>;
}

export interface EstateOptions {
  /** an empty or missing directory for the hosts' trees */
  dir: string;
  /** names of hosts, when not all */
  only?: readonly string[];
  /** second number of the addresses, 74 unless told: several estates can run at once */
  net?: number;
}

interface Running {
  host: DemoHost;
  process: Supervised;
}

export async function startEstate({ dir, only, net = 74 }: EstateOptions): Promise<Estate> {
  const specs = HOSTS.filter(({ name }) => !only || only.includes(name));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const addressOf = (name: string): string => {
    const spec = HOSTS.find((each) => each.name === name);
    if (!spec) throw new Error(`The demo estate has no host called ${name}.`);
    return `127.${net}.${spec.place}`;
  };
  const [started] = await Promise.all([
    startAuthority({ address: `127.${net}.13.2`, port: 9000, tlsPort: 9443, provisioner: 'operations' }),
    oldRuntimes(OLD_VERSIONS),
  ]);
  const login = makeLogin();
  const running = new Map<string, Running>();
  const sockets = keepSockets();
  const stop = async (): Promise<void> => {
    sockets.stop();
    await Promise.all(
      [started.process, ...[...running.values()].map((each) => each.process)].map((each) => each.stop()),
    );
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const certificates = await issueAll(started.authority, specs, addressOf);
    const boot = async (spec: HostSpec): Promise<Running> => {
      const booted = await bootHost({ dir, spec, login, addressOf, certificates });
      sockets.add(booted.host);
      return booted;
    };
    for (const each of await settled(specs.map(boot), (host) => running.set(host.host.name, host)))
      running.set(each.host.name, each);
    const host = (name: string): DemoHost => {
      const found = running.get(name);
      if (!found) throw new Error(`The host ${name} is not part of this estate.`);
      return found.host;
    };
    return {
      hosts: specs.map(({ name }) => host(name)),
      host,
      ports: portsOf(specs),
      scope: { cidrs: [`127.${net}.14.0/27`], follow: [`127.${net}.15.0/24`] },
      ca: started.authority,
      login,
      recreate: async (name) => {
        const { host: old, process } = running.get(name) ?? { host: host(name), process: null };
        sockets.remove(old.root);
        await process?.stop();
        await rm(old.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
        const fresh = await boot(old.spec);
        running.set(name, fresh);
        return fresh.host;
      },
      publish: async (name, version, runtime) => publish(host(name).root, version, await oldRuntime(runtime)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for all even when one fails, so that what did start can be stopped. */
async function settled<T>(all: Promise<T>[], started: (value: T) => void): Promise<T[]> {
  const results = await Promise.allSettled(all);
  for (const result of results) if (result.status === 'fulfilled') started(result.value);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function makeLogin(): Login & { privateKey: string } {
  const pair = newSshKey({ comment: 'ops@demo.test' });
  return {
    username: 'ops',
    password: randomBytes(12).toString('base64url'),
    publicKey: pair.public,
    privateKey: pair.private,
  };
}

async function issueAll(
  authority: Authority,
  specs: readonly HostSpec[],
  addressOf: (name: string) => string,
): Promise<Map<string, KeyAndCertificate>> {
  const needed = specs.flatMap((spec) =>
    spec.services.flatMap(({ certificate }) => (certificate ? [{ certificate, address: addressOf(spec.name) }] : [])),
  );
  const issued = new Map<string, KeyAndCertificate>();
  const sharedKeys = new Map<string, string>();
  const issue = async ({ certificate, address }: { certificate: string; address: string }): Promise<void> => {
    const names = [`${certificate}.demo.test`, address];
    const owner = CERTIFICATES[certificate]?.keyOf;
    const { key, csr } = await keyAndRequest(names, owner ? sharedKeys.get(owner) : undefined);
    sharedKeys.set(certificate, key);
    issued.set(certificate, { key, certificate: await signRequest(authority, csr, names) });
  };
  const borrows = (each: { certificate: string }): boolean => CERTIFICATES[each.certificate]?.keyOf !== undefined;
  await Promise.all(needed.filter((each) => !borrows(each)).map(issue));
  await Promise.all(needed.filter(borrows).map(issue));
  return issued;
}

async function bootHost(options: {
  dir: string;
  spec: HostSpec;
  login: Login;
  addressOf: (name: string) => string;
  certificates: ReadonlyMap<string, KeyAndCertificate>;
}): Promise<Running> {
  const { spec, addressOf } = options;
  const root = join(options.dir, spec.name);
  await buildTree({ ...options, root });
  const machine: Machine = { root, address: addressOf(spec.name), sshPort: SSH_PORT };
  const process = await startProcess({
    name: `the host ${spec.name} at ${machine.address} (is another demo estate running?)`,
    script: join(import.meta.dirname, 'guest/init.ts'),
    args: [JSON.stringify(machine)],
  });
  const { address, sshPort } = machine;
  const host = { name: spec.name, address, sshPort, root, spec, pid: process.pid };
  try {
    await Promise.all(spec.services.map(({ port }) => listens(address, port)));
    if (spec.staged) await stage(root, debVersion(spec.staged));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return { host, process };
}

/** Installs a version as an administrator would who then forgets to restart the services. */
async function stage(root: string, version: string): Promise<void> {
  await run(join(root, 'usr/bin/apt-get'), ['update']);
  await run(join(root, 'usr/bin/apt-get'), ['-y', '-q', 'install', `nodejs=${version}`]);
}

async function listens(address: string, port: number): Promise<void> {
  const deadline = Date.now() + UP_WITHIN_MS;
  const once = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, address);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  while (!(await once())) {
    if (Date.now() > deadline)
      throw new Error(`Nothing listens on ${address}:${port} ${UP_WITHIN_MS / 1000} s after the host started.`);
    await sleep(50);
  }
}

function portsOf(specs: readonly HostSpec[]): string {
  const ports = new Set([SSH_PORT, ...specs.flatMap(({ services }) => services.map(({ port }) => port))]);
  return [...ports].sort((a, b) => a - b).join(',');
}
