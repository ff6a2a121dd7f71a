import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { oldRuntime, oldRuntimes, type OldVersion } from '../lab/demo/runtimes.ts';
import type { TlsProbe } from '../src/model/probe.ts';
import type { Look } from '../src/scan/look.ts';
import { newBucket } from '../src/scan/logic/pace.ts';
import { permutation } from '../src/scan/logic/permutation.ts';
import { createGuard, type Guard } from '../src/scan/scanner/guard.ts';
import { lookAt } from '../src/scan/scanner/observe.ts';
import { inParallel } from '../src/model/parallel.ts';
import { newTarget } from '../src/scan/probes/contract.ts';
import { prove } from './heartbleed.ts';
import { type Bench, commandExists, type Measured } from './contract.ts';

const PORT = 17_444;
/** One process each, on a /24 of its own: every tenth endpoint or so has the hole. */
const SERVERS: readonly { version: OldVersion; net: string; share: number; vulnerable: boolean }[] = [
  { version: '0.10.1', net: '127.71.1', share: 0.2, vulnerable: true },
  { version: '0.10.2', net: '127.71.2', share: 0.3, vulnerable: false },
  { version: '0.10.48', net: '127.71.3', share: 0.5, vulnerable: false },
];
/** sslscan looks at one after the other; so many of it run at once here, to be fair to it. */
const SSLSCANS = 8;
const AT_ONCE = 24;
/** The proof and nmap's script take a second or so: each takes turns, and the middle one counts. */
const TURNS = 5;
/** A round takes minutes, all of them sslscan's. */
const MOST_ROUNDS = 1;

interface Endpoint {
  address: string;
  vulnerable: boolean;
}
interface Ran {
  seconds: number;
  vulnerable: Set<string>;
}
const figures: string[] = [];

export const tls: Bench = {
  name: 'tls',
  claim:
    'of 500 TLS endpoints, a fifth with Heartbleed: proves them at least 10 times as fast as nmap --script ssl-heartbleed, looks at them at least 10 times as fast as sslscan, with the same verdicts',
  target: 10,
  figures: () => figures,
  missing: () =>
    ['nmap', 'sslscan', 'openssl']
      .filter((name) => !commandExists(name))
      .map((name) => `${name} is not installed`)[0] ?? null,
  run: async (rounds, size) => {
    const dir = mkdtempSync(join(tmpdir(), 'lastember-bench-'));
    const endpoints = endpointsFor(size * 5);
    const servers = await startServers(dir);
    figures.length = 0;
    try {
      const measured: Measured[] = [];
      for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round += 1) measured.push(await oneRound(endpoints));
      return measured;
    } finally {
      for (const server of servers) server.kill();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/** In random order, always the same, as a scan comes upon them and as all who look get them. */
function endpointsFor(count: number): Endpoint[] {
  const all = SERVERS.flatMap(({ net, share, vulnerable }) =>
    Array.from({ length: Math.round(count * share) }, (_, i) => ({ address: `${net}.${i + 1}`, vulnerable })),
  );
  const order = permutation(all.length, 5);
  return all.map((_, index) => all[order(index)]!);
}

/** Like with like: the proof alone against nmap's script, a whole look against sslscan. The smaller ratio counts. */
async function oneRound(endpoints: readonly Endpoint[]): Promise<Measured> {
  const turns: Record<'ours' | 'nmap', Ran>[] = [];
  for (let turn = 0; turn < TURNS; turn += 1)
    turns.push({
      ours: await timed(() => proveWithUs(endpoints)),
      nmap: await timed(() => lookWithNmap(endpoints)),
    });
  const ran = {
    'our proof alone': middleOf(turns.map(({ ours }) => ours)),
    'nmap --script ssl-heartbleed': middleOf(turns.map(({ nmap }) => nmap)),
    'our whole look': await timed(() => lookWithUs(endpoints)),
    [`sslscan, ${SSLSCANS} at once`]: await timed(() => lookWithSslscan(endpoints)),
  };
  const wrong = Object.entries(ran).map(([name, { seconds, vulnerable }]) => {
    const differing = endpoints.filter((one) => vulnerable.has(one.address) !== one.vulnerable).length;
    figures.push(
      `${name}: ${seconds.toFixed(1)} s for ${endpoints.length}; ${differing} verdicts differ from the truth`,
    );
    return differing;
  });
  if (wrong.some((differing) => differing > 0)) throw new Error(`verdicts differ: ${figures.join('; ')}`);
  const [proof, nmap, whole, sslscan] = Object.values(ran).map(({ seconds }) => endpoints.length / seconds);
  figures.push(
    `${(proof! / nmap!).toFixed(1)} times as fast as nmap, ${(whole! / sslscan!).toFixed(1)} times as sslscan`,
  );
  return proof! / nmap! < whole! / sslscan! ? { ours: proof!, peer: nmap! } : { ours: whole!, peer: sslscan! };
}

/** By time; all must have come to the same. */
function middleOf(turns: readonly Ran[]): Ran {
  const ordered = turns.toSorted((a, b) => a.seconds - b.seconds);
  const middle = ordered[Math.floor(ordered.length / 2)]!;
  const answers = new Set(turns.map(({ vulnerable }) => [...vulnerable].toSorted().join()));
  if (answers.size > 1) throw new Error('the same question had different answers');
  return middle;
}

async function timed(look: () => Promise<Set<string>>): Promise<Ran> {
  const start = performance.now();
  const vulnerable = await look();
  return { seconds: (performance.now() - start) / 1000, vulnerable };
}

const guardHere = (): Guard =>
  createGuard({ allows: (address) => address.startsWith('127.71.'), bucket: newBucket(100_000, performance.now()) });

/** As a scan does it, with all that a look reads: versions, certificates, ciphers, what speaks within, and the proof. */
async function lookWithUs(endpoints: readonly Endpoint[]): Promise<Set<string>> {
  const guard = guardHere();
  const pairs = endpoints.map(({ address }) => ({ address, port: PORT }));
  const looks = await lookAt(guard, pairs, () => new Date());
  const isVulnerable = ({ result }: Look): boolean => (result as TlsProbe | null)?.heartbleed?.verdict === 'vulnerable';
  return new Set(looks.filter(isVulnerable).map(({ address }) => address));
}

async function proveWithUs(endpoints: readonly Endpoint[]): Promise<Set<string>> {
  const guard = guardHere();
  const vulnerable = new Set<string>();
  await inParallel(endpoints, AT_ONCE, async ({ address }) => {
    const verdict = await prove(newTarget(guard, { address, port: PORT, connectMs: 3000 }));
    if (verdict === 'vulnerable') vulnerable.add(address);
  });
  return vulnerable;
}

async function lookWithNmap(endpoints: readonly Endpoint[]): Promise<Set<string>> {
  const options = ['-Pn', '-n', '-sT', '-T5', '-p', String(PORT), '--script', '+ssl-heartbleed', '-oG', '/dev/null'];
  const { stdout } = await promisify(execFile)('nmap', [...options, ...endpoints.map(({ address }) => address)], {
    maxBuffer: 1 << 28,
  });
  const reports = stdout.split('Nmap scan report for ').slice(1);
  return new Set(reports.filter((one) => one.includes('State: VULNERABLE')).map((one) => one.split(/\s/)[0]!));
}

/** All that it looks at by itself, as ours and unlike nmap's. */
async function lookWithSslscan(endpoints: readonly Endpoint[]): Promise<Set<string>> {
  const waiting = endpoints.map(({ address }) => address);
  const vulnerable = new Set<string>();
  const lane = async (): Promise<void> => {
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      const { stdout } = await promisify(execFile)('sslscan', ['--no-colour', `${address}:${PORT}`]);
      if (/^TLSv\S+ vulnerable to heartbleed/m.test(stdout)) vulnerable.add(address);
    }
  };
  await Promise.all(Array.from({ length: SSLSCANS }, lane));
  return vulnerable;
}

/** One process for a whole /24, with a listener at each of its addresses. */
async function startServers(dir: string): Promise<ChildProcess[]> {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=bench', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  execFileSync('openssl', ['rsa', '-in', key, '-out', key, '-traditional'], { stdio: 'ignore' });
  await oldRuntimes(SERVERS.map(({ version }) => version));
  return Promise.all(SERVERS.map(({ version, net }) => startServer({ dir, key, cert }, version, net)));
}

async function startServer(
  { dir, key, cert }: { dir: string; key: string; cert: string },
  version: OldVersion,
  net: string,
): Promise<ChildProcess> {
  const script = join(dir, `${version}.js`);
  writeFileSync(
    script,
    `var fs=require('fs'),o={key:fs.readFileSync('${key}'),cert:fs.readFileSync('${cert}')};
for(var i=1;i<255;i++)require('https').createServer(o,function(q,r){r.end('x')}).listen(${PORT},'${net}.'+i);`,
  );
  const child = spawn(await oldRuntime(version), [script], { stdio: 'ignore' });
  for (let tries = 0; tries < 100; tries += 1) {
    if (await accepts(`${net}.254`)) return child;
    await sleep(50);
  }
  child.kill();
  throw new Error(`the server of ${version} did not start`);
}

function accepts(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, address, () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}
