/** Starts the servers of the table, each in namespaces of its own on the lab's bridge; `down` takes them away. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findArchive } from '../archive.ts';
import { must } from '../command.ts';
import { makeBridges, makeHostNetwork } from '../network.ts';
import { hostDir, type Place } from '../place.ts';
import { NETWORK, type HostSpec } from '../spec.ts';
import { startHost } from '../start.ts';
import { lock, openRun } from '../state.ts';
import { makeServersRoot } from './root.ts';
import { CERT, KEY, type ServerSpec } from './spec.ts';
import { wantedFor } from './table.ts';

const INIT = join(import.meta.dirname, 'init.sh');
const AT_ONCE = 6;

export interface Up {
  /** of every package that is there, as dpkg writes it */
  versions: ReadonlyMap<string, string>;
  /** those that did not start, and why */
  failed: ReadonlyMap<string, string>;
}

export const addressOf = (spec: ServerSpec): string => `${NETWORK}.0.${spec.number}`;

/** `all`: the servers that the root file system is made for, so that one cache serves whatever is started. */
export async function upServers(place: Place, servers: readonly ServerSpec[], all = servers): Promise<Up> {
  openRun(place);
  const unlock = lock(place);
  try {
    const root = await makeServersRoot(place, await findArchive(), wantedFor(all));
    const pki = await makeCertificate(place);
    await makeBridges(place);
    const failed = new Map<string, string>();
    const queue = [...servers];
    const worker = async (): Promise<void> => {
      for (let spec = queue.shift(); spec; spec = queue.shift()) {
        const { name } = spec;
        await startServer(place, spec, root, pki).catch((error: Error) => failed.set(name, error.message));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { versions: versionsOf(root), failed };
  } finally {
    unlock();
  }
}

interface Pki {
  cert: string;
  key: string;
}

async function startServer(place: Place, spec: ServerSpec, root: string, pki: Pki): Promise<void> {
  const host: HostSpec = {
    name: spec.name,
    release: 'bookworm',
    legs: [{ segment: 0, number: spec.number }],
    about: spec.package,
    root: { key: false },
    services: [],
    disk: '256m',
  };
  await makeHostNetwork(place, host);
  const dir = hostDir(place, spec.name);
  for (const part of ['upper', 'work', 'root', 'disk']) mkdirSync(join(dir, part), { recursive: true, mode: 0o755 });
  const put = (path: string, text: string, mode = 0o644): void => {
    const target = join(dir, 'upper', path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, text, { mode });
  };
  for (const [path, text] of Object.entries(spec.files ?? {})) put(path, text);
  put(CERT, pki.cert);
  put(KEY, pki.key);
  put('/etc/hosts', `127.0.0.1 localhost\n${addressOf(spec)} ${spec.name}.example ${spec.name}\n`);
  put('/etc/lab/start.sh', `${spec.start}\n`);
  const waits = spec.ports.map(({ port, udp }) => `${udp ? 'u' : 't'} ${port}`);
  put('/etc/lab/ports', `${waits.join('\n')}\n`);
  put('/usr/sbin/init', readFileSync(INIT, 'utf8'), 0o755);
  await startHost(place, host, [root]);
}

async function makeCertificate(place: Place): Promise<Pki> {
  const [cert, key] = [join(place.run, 'cert.pem'), join(place.run, 'key.pem')];
  const names = 'subjectAltName=DNS:lab.example';
  const made = `-x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lab.example -addext ${names} -out ${cert} -keyout ${key}`;
  await must(['openssl', 'req', ...made.split(' ')]);
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

function versionsOf(root: string): Map<string, string> {
  const lines = readFileSync(join(root, 'etc/lab-versions'), 'utf8').trim().split('\n');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}
