import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianTracker } from '../src/loop/audit/feeds/debian-tracker.ts';
import { DATA, dpkgStatus, own } from '../src/loop/audit/feeds/testing.ts';
import { matchHost } from '../src/loop/audit/logic/advisories/host.ts';
import type { FeedStatement } from '../src/loop/audit/logic/advisories/match.ts';
import { versionOrder } from '../src/loop/audit/versions/registry.ts';
import { type Bench, commandExists, type Measured } from './contract.ts';

/** A Debian 12.15 host without its security updates, and what the tracker says of its packages, in both shapes. */
const [STATUS, TRACKER, PEER] = ['lab-12.15.dpkg-status.xz', 'debian-tracker-subset.json', 'debsecan/bookworm'];
const SUITE = 'bookworm';
const figures: string[] = [];

const took = (began: number): number => performance.now() - began;
const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** `id package`, one a line, as debsecan prints them: it leaves out what Debian calls unimportant. */
function judged(statements: readonly FeedStatement[], status: string): string[] {
  const { packages } = matchHost(statements, dpkgStatus(status), versionOrder, null);
  return packages
    .filter(({ verdict, statement }) => verdict === 'affected' && statement.urgency !== 'unimportant')
    .flatMap(({ id, packages: names }) => names.map((name) => `${id} ${name}`))
    .toSorted();
}

const read = (): FeedStatement[] => own(debianTracker.parse(readFileSync(join(DATA, TRACKER)), {}).statements);

async function debsecan(source: string, status: string): Promise<string[]> {
  const argv = ['--source', source, '--suite', SUITE, '--status', status];
  // Not by spawnSync: who serves it its data is this process.
  const child = spawn('debsecan', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`debsecan ended with ${code}`);
  const lines = text.trim().split('\n');
  return lines.map((line) => line.split(' ').slice(0, 2).join(' ')).toSorted();
}

/** What debsecan asks a server for, on this machine. */
async function served(): Promise<{ source: string; close: () => void }> {
  const data = readFileSync(join(DATA, PEER));
  const server = createServer((request, response) => {
    const isThere = request.url === `/${SUITE}`;
    response.writeHead(isThere ? 200 : 404).end(isThere ? data : '');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { source: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

async function rounds(count: number, size: number): Promise<Measured[]> {
  const directory = mkdtempSync(join(tmpdir(), 'lastember-debsecan-'));
  const { source, close } = await served();
  try {
    const path = join(directory, 'status');
    const status = execFileSync('xz', ['-dc', join(DATA, STATUS)], { maxBuffer: 64 * 1024 * 1024 });
    writeFileSync(path, status);
    const measured: Measured[] = [];
    for (let at = 0; at < count; at += 1) measured.push(await round({ source, path, text: status.toString(), size }));
    return measured;
  } finally {
    close();
    rmSync(directory, { recursive: true });
  }
}

async function round(on: { source: string; path: string; text: string; size: number }): Promise<Measured> {
  let began = performance.now();
  const statements = read();
  const reading = took(began);
  const times: number[] = [];
  let ours: string[] = [];
  for (let turn = 0; turn < Math.max(5, on.size / 5); turn += 1) {
    began = performance.now();
    ours = judged(statements, on.text);
    times.push(took(began));
  }
  began = performance.now();
  const theirs = await debsecan(on.source, on.path);
  const peer = took(began);
  if (ours.length === 0 || ours.join('\n') !== theirs.join('\n'))
    throw new Error(`findings differ: ours ${ours.length}, debsecan's ${theirs.length}`);
  const one = middle(times);
  figures.push(
    `${ours.length} findings, line by line the same: ours ${one.toFixed(1)} ms, debsecan ${peer.toFixed(0)} ms; ours with the feed read for this host alone ${(one + reading).toFixed(0)} ms (ratio ${(peer / (one + reading)).toFixed(1)})`,
  );
  return { ours: 1000 / one, peer: 1000 / peer };
}

export const debsecanBench: Bench = {
  name: 'debsecan',
  claim:
    'one host’s packages judged 10 times as fast as debsecan judges them, by what the feed said when it was taken in, with the same findings',
  target: 10,
  figures: () => figures,
  missing: () => {
    if (!commandExists('debsecan')) return 'debsecan is not installed';
    const lost = [STATUS, TRACKER, PEER].find((name) => !existsSync(join(DATA, name)));
    return lost === undefined ? null : `${lost} is not on this machine`;
  },
  run: rounds,
};
