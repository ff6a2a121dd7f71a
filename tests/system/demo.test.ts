import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { FUNNEL } from '../../src/model/campaign.ts';
import { Sha256 } from '../../src/model/json.ts';
import { processTree } from '../../lab/demo/guest/proc.ts';

const ROOT = join(import.meta.dirname, '../..');
const skip =
  process.platform === 'linux' && process.arch === 'x64'
    ? false
    : 'the demo estate needs binaries that exist for x64 only';

/** What the demo promises to print; anything else in it is free. */
const Document = z.object({
  ok: z.boolean(),
  hosts: z.array(
    z.object({
      address: z.ipv4(),
      id: z.string(),
      discoveredAs: z.enum(['known', 'unknown', 'ignored']),
      managed: z.boolean(),
      agentVersion: z.string().nullable(),
    }),
  ),
  findings: z.object({
    before: z.array(FindingRow()),
    afterChange: z.array(FindingRow()),
    after: z.array(FindingRow()),
  }),
  campaign: z.object({
    endpointsAfterChange: z.array(EndpointRow()),
    endpoints: z.array(EndpointRow()),
    totals: z.object({ before: Totals(), after: Totals(), rekindled: Totals() }),
  }),
  change: z.object({
    id: z.string(),
    planDigest: Sha256,
    approvals: z.array(z.object({ keyId: z.string().regex(/^[0-9a-f]{16}$/) })).min(1),
    waves: z.array(z.object({ canary: z.boolean() })).min(2),
    outcome: z.literal('closed'),
    predicted: z.object({ restarts: z.array(z.unknown()).min(1) }),
    observed: z.object({ restarts: z.array(z.unknown()).min(1) }),
  }),
  trail: z.object({ size: z.number().int().min(50), root: Sha256, checkpoint: z.string(), verified: z.literal(true) }),
  documents: z.array(z.string()).min(3),
  claims: z.array(z.object({ claim: z.string(), held: z.boolean(), detail: z.string() })).min(20),
  durations: z.record(z.string(), z.number()),
});
function EndpointRow() {
  return z.object({
    endpoint: z.string(),
    steps: z.record(z.enum(FUNNEL), z.string()),
    complete: z.boolean(),
    excepted: z.boolean(),
    rekindled: z.object({ cause: z.string() }).nullable(),
  });
}
function FindingRow() {
  return z.object({
    host: z.string(),
    endpoint: z.string().nullable(),
    check: z.string(),
    state: z.string(),
    evidence: z.unknown(),
  });
}
function Totals() {
  return z.object({ endpoints: z.number(), complete: z.number(), excepted: z.number(), share: z.number() });
}

function demo(args: string[]): { child: ChildProcess; out: () => string; account: () => string } {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/demo.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return { child, out: () => said.stdout, account: () => said.stderr };
}

/** Every process that ever stood below it, looked at a few times a second. */
function watch(child: ChildProcess): { seen: Set<number>; stop(): void } {
  const seen = new Set<number>();
  const timer = setInterval(() => {
    for (const pid of processTree(child.pid!).slice(1)) seen.add(pid);
  }, 250);
  return { seen, stop: () => clearInterval(timer) };
}

async function survivors(pids: Iterable<number>): Promise<string[]> {
  const alive = (): number[] => [...pids].filter((pid) => existsSync(`/proc/${pid}`));
  for (let tries = 0; tries < 100 && alive().length > 0; tries += 1) await sleep(100);
  return alive().map((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`);
}

test(
  'M.15: one command builds an estate with planted faults, runs the loop and proves every claim',
  { skip },
  async () => {
    const { child, out, account } = demo(['--once', '--json', '--port', '7424', '--agent-port', '7425', '--net', '84']);
    const watched = watch(child);
    const [code] = (await once(child, 'close')) as [number];
    watched.stop();
    assert.equal(code, 0, account());
    const document = Document.parse(JSON.parse(out()));
    assert.deepEqual(
      document.claims.filter(({ held }) => !held),
      [],
    );
    assert.ok(document.ok);
    assert.ok(document.hosts.filter(({ managed }) => managed).length >= 12);
    assert.ok(document.hosts.some(({ discoveredAs }) => discoveredAs === 'unknown'));
    assert.ok(document.campaign.totals.before.share < 1);
    assert.equal(document.campaign.totals.after.share, 1);
    assert.ok(document.campaign.totals.rekindled.share < 1);
    assert.ok(document.campaign.endpointsAfterChange.every(({ complete, excepted }) => complete || excepted));
    // What is left up is told as it is left: the machine that was built again from its image burns.
    const again = document.campaign.endpoints.filter(({ rekindled }) => rekindled);
    assert.equal(again.length, 1);
    const leak = ({ check, endpoint }: { check: string; endpoint: string | null }): boolean =>
      check === 'heartbleed-probe' && endpoint === again[0]!.endpoint;
    assert.deepEqual(
      [document.findings.before, document.findings.afterChange, document.findings.after].map(
        (all) => all.find(leak)?.state,
      ),
      ['open', 'fixed', 'rekindled'],
    );
    for (const path of document.documents) assert.ok(existsSync(path), path);
    assert.deepEqual(await survivors(watched.seen), []);
  },
);

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGKILL', null],
] as const)
  test(`${signal} in the middle leaves nothing behind`, { skip }, async () => {
    const { child, account } = demo(['--once', '--json', '--port', '7424', '--agent-port', '7425', '--net', '84']);
    const watched = watch(child);
    while (!/1 Discovery/.test(account()) && child.exitCode === null) await sleep(50);
    await sleep(1000);
    child.kill(signal);
    const [ended] = (await once(child, 'close')) as [number | null];
    watched.stop();
    assert.equal(ended, code, account());
    assert.ok(watched.seen.size > 20);
    assert.deepEqual(await survivors(watched.seen), []);
  });

test('bad options are said, with the help', async () => {
  const { child, account } = demo(['--port', 'many']);
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 2);
  assert.match(account(), /--port takes a number from 1 to 65535, not "many"[\s\S]*--once/);
});
