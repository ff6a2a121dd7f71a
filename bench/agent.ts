import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compressors, type Architecture } from '../src/loop/enrollment/onefile/compress.ts';
import { makeOneFile, packedAgent } from '../src/loop/enrollment/onefile/pack.ts';
import { testServer, type TestServer } from '../src/agent/testing/server.ts';
import type { Bench, Measured } from './contract.ts';

const ROOT = join(import.meta.dirname, '..');
const BUNDLE = join(ROOT, 'dist/agent/lastember-agent.cjs');
const CACHE = join(ROOT, 'node_modules/.cache/lastember-agent');
/** What a real server asks for, in seconds. */
const POLL = 60;
const FACTS = 300;
const TICKS_PER_SECOND = 100;

interface Idle {
  rssMb: number;
  anonMb: number;
  /** percent of one core at the pace of a real server, from what each of the two costs */
  cpu: number;
  /** milliseconds of a processor: one round of check-in, trail and poll; one look, with the process it runs in */
  roundMs: number;
  lookMs: number;
  startMs: number;
}
const figures: string[] = [];

/**
 * What an agent costs while nothing happens: it looks at this very machine, against a server over real mutual TLS. The
 * peer is the least that a Node can be: one that keeps an HTTPS connection to the same server and asks it as often.
 */
export const agent: Bench = {
  name: 'agent',
  claim:
    'an idle agent holds at most 1.25 times the memory of a bare Node with one HTTPS connection (ratio of the two)',
  target: 1 / 1.25,
  unit: 'of 1/MB',
  missing: () => (process.getuid?.() === 0 ? null : 'it looks at the whole machine, as root'),
  figures: () => figures,
  run: async (rounds, size) => {
    const dir = mkdtempSync(join(tmpdir(), 'lastember-bench-agent-'));
    const count = size <= 10 ? 4 : 12;
    const server = await testServer([]);
    server.holdMs = null;
    try {
      await weigh(dir, size > 10);
      const measured: Measured[] = [];
      for (let round = 0; round < Math.min(rounds, 3); round += 1) {
        const ours = await idle(startAgent(dir, server), server, count);
        const peer = await bare(startPeer(server));
        figures.push(
          `${line('agent    ', ours)}, ${ours.cpu.toFixed(3)} % of a core (${ours.roundMs.toFixed(1)} ms a round, ${ours.lookMs.toFixed(0)} ms a look), ${ours.startMs} ms to start`,
          line('bare Node', peer),
        );
        measured.push({ ours: 1 / ours.rssMb, peer: 1 / peer.rssMb });
      }
      return measured;
    } finally {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

const line = (name: string, { rssMb, anonMb }: Pick<Idle, 'rssMb' | 'anonMb'>): string =>
  `${name} ${rssMb.toFixed(1)} MB in memory, ${anonMb.toFixed(1)} of it its own`;

/** Makes the one file and says what it weighs; packing all of it takes a minute, and is kept for the next time. */
async function weigh(dir: string, whole: boolean): Promise<void> {
  const ingredients = {
    program: readFileSync(BUNDLE),
    arch: process.arch as Architecture,
    runtime: process.execPath,
  };
  const { bytes } = await makeOneFile(ingredients);
  const file = join(dir, 'lastember-agent');
  writeFileSync(file, bytes, { mode: 0o755 });
  // As after a boot of the host: of a file that was just written, the kernel maps much more than is used.
  spawnSync('sh', ['-c', 'sync "$1" && dd if="$1" iflag=nocache count=0', 'sh', file], { stdio: 'ignore' });
  const transit = compressors(ingredients.arch).xz ? 'xz' : 'gz';
  const packed = whole ? statSync(await packedAgent(ingredients, transit, CACHE)).size : null;
  const mb = (size: number): string => `${(size / 1e6).toFixed(1)} MB`;
  figures.push(
    `one file: ${mb(bytes.length)} on the disk, ${packed === null ? 'not packed here' : `${mb(packed)} in transit as .${transit}`}`,
  );
}

function startAgent(dir: string, server: TestServer): () => ChildProcess {
  const stateDir = mkdtempSync(join(dir, 'state-'));
  const config = { server: server.url, ca: server.authority.ca, token: server.token, stateDir, restSeconds: 0 };
  const path = join(stateDir, 'agent.json');
  writeFileSync(path, JSON.stringify(config));
  const env = { PATH: process.env['PATH'], MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2' };
  // In a mount namespace of its own, in which nothing fetches package lists from the network.
  const quiet = 'mount --bind /bin/false /usr/bin/apt-get 2>/dev/null; exec "$@"';
  const argv = ['--mount', 'sh', '-c', quiet, 'sh', join(dir, 'lastember-agent'), 'run', '--config', path];
  return () => spawn('unshare', argv, { env, stdio: 'ignore' });
}

const PEER = `const { Agent, request } = require('node:https');
const agent = new Agent({ keepAlive: true });
const ask = () => request(process.argv[1] + '/agent/v1/none', { agent, rejectUnauthorized: false }, (r) => r.resume()).on('error', () => {}).end();
setInterval(ask, 1000); ask();`;

const startPeer = (server: TestServer) => (): ChildProcess =>
  spawn(process.execPath, ['-e', PEER, server.url], { stdio: 'ignore' });

/**
 * Memory as it waits, between two looks, which is nearly always. Each cost by itself, as many as are needed to tell it:
 * first rounds without looks, then looks without rounds. A real pace would take hours to say the same.
 */
async function idle(start: () => ChildProcess, server: TestServer, count: number): Promise<Idle> {
  const [rounds, looks] = [(): number => server.checkIns, (): number => looksOf(server)];
  server.pollSeconds = 1;
  server.factsSeconds = 3600;
  const first = looks();
  const from = performance.now();
  const child = start();
  try {
    const startMs = await until(() => looks() > first, from);
    await each(child, rounds, 3);
    const roundMs = await each(child, rounds, count * 5);
    const held = memory(child.pid!);
    server.factsSeconds = 2;
    server.pollSeconds = 600;
    // Whoever only waits hands over to the whole program for another pace; what comes after that is counted.
    await each(child, looks, 2);
    const lookMs = await each(child, looks, count);
    const cpu = (roundMs / (POLL * 1000) + lookMs / (FACTS * 1000)) * 100;
    return { ...held, cpu, roundMs, lookMs, startMs };
  } finally {
    child.kill('SIGKILL');
    await sleep(200);
  }
}

/** Milliseconds of a processor that the process and its ended children took for each of the next `count`. */
async function each(child: ChildProcess, counted: () => number, count: number): Promise<number> {
  const next = async (): Promise<void> => {
    const now = counted();
    await until(() => counted() > now, performance.now());
    // A look's process ends a moment after it told what it saw.
    await sleep(700);
  };
  await next();
  const [before, n] = [ticks(child.pid!), counted()];
  while (counted() < n + count) await next();
  return ((ticks(child.pid!) - before) / TICKS_PER_SECOND / (counted() - n)) * 1000;
}

/** A look tells its hashes first, and then perhaps what changed. */
const looksOf = (server: TestServer): number =>
  server.facts.filter(({ sections }) => sections.every(({ data }) => data === undefined)).length;

async function bare(start: () => ChildProcess): Promise<Pick<Idle, 'rssMb' | 'anonMb'>> {
  const child = start();
  try {
    await sleep(5000);
    return memory(child.pid!);
  } finally {
    child.kill('SIGKILL');
    await sleep(200);
  }
}

async function until(holds: () => boolean, from: number): Promise<number> {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (holds()) return Math.round(performance.now() - from);
    await sleep(25);
  }
  throw new Error('the agent did not report within 30 s');
}

/** Its own, and what the commands that it started used. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function memory(pid: number): { rssMb: number; anonMb: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
  return { rssMb: kb('VmRSS') / 1000, anonMb: kb('RssAnon') / 1000 };
}
