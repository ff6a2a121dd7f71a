import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../src/model/parallel.ts';
import { newTarget, type ProbeTarget } from '../src/scan/probes/contract.ts';
import { lookForLeak } from '../src/scan/probes/tls/heartbleed.ts';
import { createGuard } from '../src/scan/scanner/guard.ts';
import { newBucket } from '../src/scan/logic/pace.ts';
import { oldRuntime } from '../lab/demo/runtimes.ts';
import type { Bench, Measured } from './contract.ts';
import { commandExists } from './contract.ts';

const PORT = 17_443;
const AT_ONCE = 24;

/** Proving Heartbleed, endpoints per second, against nmap's ssl-heartbleed script on the same vulnerable server. */
export const heartbleed: Bench = {
  name: 'heartbleed',
  claim:
    'proves Heartbleed on at least 5 times as many endpoints a second as nmap --script ssl-heartbleed, with the same verdicts',
  target: 5,
  missing: () => (commandExists('nmap') ? null : 'nmap is not installed'),
  run: async (rounds, size) => {
    const dir = mkdtempSync(join(tmpdir(), 'lastember-bench-'));
    const server = await startServer(dir);
    try {
      const measured: Measured[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const ours = await lookWithUs(size);
        const theirs = lookWithNmap(size);
        if (ours.vulnerable !== size || theirs.vulnerable !== size)
          throw new Error(`verdicts differ: ${ours.vulnerable} and ${theirs.vulnerable} of ${size} vulnerable`);
        measured.push({ ours: size / ours.seconds, peer: size / theirs.seconds });
      }
      return measured;
    } finally {
      server.kill();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/** One vulnerable server (OpenSSL 1.0.1e) on every loopback address: the target's own work is the same for both. */
async function startServer(dir: string): Promise<ChildProcess> {
  const [key, cert, script] = [join(dir, 'key.pem'), join(dir, 'cert.pem'), join(dir, 'server.js')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=bench', '-days', '2'],
    { stdio: 'ignore' },
  );
  execFileSync('openssl', ['rsa', '-in', key, '-out', key, '-traditional'], { stdio: 'ignore' });
  writeFileSync(
    script,
    `var fs=require('fs');require('https').createServer({key:fs.readFileSync('${key}'),cert:fs.readFileSync('${cert}')},function(q,r){r.end('x')}).listen(${PORT},'0.0.0.0');`,
  );
  const child = spawn(await oldRuntime('0.10.1'), [script], { stdio: 'ignore' });
  for (let tries = 0; tries < 100; tries += 1) {
    if (await accepts()) return child;
    await sleep(50);
  }
  child.kill();
  throw new Error('the vulnerable server did not start');
}

function accepts(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

async function lookWithUs(size: number): Promise<{ seconds: number; vulnerable: number }> {
  const guard = createGuard({
    allows: (address) => address.startsWith('127.'),
    bucket: newBucket(100_000, performance.now()),
  });
  const addresses = Array.from({ length: size }, (_, i) => `127.0.1.${i + 1}`);
  const start = performance.now();
  const proofs = await inParallel(addresses, AT_ONCE, (address) =>
    prove(newTarget(guard, { address, port: PORT, connectMs: 3000 })),
  );
  return {
    seconds: (performance.now() - start) / 1000,
    vulnerable: proofs.filter((verdict) => verdict === 'vulnerable').length,
  };
}

/** The proof alone, as nmap's script does it: a scan also reads versions, certificates and more. */
export async function prove(target: ProbeTarget): Promise<string> {
  return (await lookForLeak(target, 'TLSv1.2'))?.verdict ?? 'no heartbeat';
}

function lookWithNmap(size: number): { seconds: number; vulnerable: number } {
  const start = performance.now();
  const said = execFileSync(
    'nmap',
    ['-Pn', '-n', '-sT', '-p', String(PORT), '--script', 'ssl-heartbleed', `127.0.1.1-${size}`],
    { encoding: 'utf8' },
  );
  return { seconds: (performance.now() - start) / 1000, vulnerable: said.match(/State: VULNERABLE/g)?.length ?? 0 };
}
