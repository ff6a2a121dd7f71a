import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import type { Host } from '../host.ts';
import { localHost } from '../local.ts';
import { forgetReplaced, nothingKept, stampsOf, type Kept } from './kept.ts';
import { isAnother, isScratch } from './maps.ts';
import { readProcesses, type Process } from './processes.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SLEEP = '/bin/sleep';
const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill('SIGKILL')));

function run(command: string, ...args: string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  return child;
}

/** This machine, with a list of what was read of it. */
function watched(): { host: Host; read: string[] } {
  const host = localHost();
  const read: string[] = [];
  return { host: { ...host, read: (path, limits) => (read.push(path), host.read(path, limits)) }, read };
}

/** As one look leaves it to the next, which is another process. */
const handedOn = (kept: Kept): Kept => deserialize(serialize(kept)) as Kept;
const stat = (path: string) =>
  localHost()
    .stat(path)
    .catch(() => null);
async function look(host: Host, kept: Kept): Promise<Map<number, Process>> {
  await forgetReplaced(stat, kept);
  return new Map((await readProcesses(host, kept)).map((process) => [process.pid, process]));
}

async function begun(child: ChildProcess, program: string): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const name = fs.readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')[0]!;
    if (name.endsWith(program) && /^State:\s+S/m.test(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))) break;
    await sleep(20);
  }
  return child.pid!;
}

describe('what is kept of processes', { skip: process.platform === 'linux' ? false : 'needs /proc' }, () => {
  test('one that did nothing is not asked again what it maps and how it was called; the answer is the same', async () => {
    const pid = await begun(run(SLEEP, '1000'), 'sleep');
    const { host, read } = watched();
    const kept = nothingKept();
    await look(host, kept);
    // Of what was found for the first time nobody knows what lay there before.
    const second = (await look(host, handedOn(kept))).get(pid);
    const again = handedOn(kept);
    await look(host, again);
    read.length = 0;
    const third = (await look(host, handedOn(again))).get(pid);
    assert.deepEqual(third, second);
    assert.deepEqual(third, (await look(localHost(), nothingKept())).get(pid), 'as one who knows nothing sees it');
    const asked = read.filter((path) => path.startsWith(`/proc/${pid}/`));
    assert.deepEqual(
      asked.sort(),
      ['cgroup', 'stat', 'status'].map((file) => `/proc/${pid}/${file}`),
    );
  });

  test('one that runs another program in its place is asked', async () => {
    const child = run('/bin/sh', '-c', 'read x; exec sleep 1000');
    const pid = await begun(child, 'sh');
    const kept = nothingKept();
    await look(localHost(), kept);
    const before = (await look(localHost(), kept)).get(pid)!;
    child.stdin!.write('go\n');
    await begun(child, 'sleep');
    const after = (await look(localHost(), kept)).get(pid)!;
    assert.equal(after.command, 'sleep 1000');
    assert.notDeepEqual(after.maps, before.maps);
  });

  const scratch = isScratch(ROOT) && 'the project lies below a scratch directory, where nothing counts as replaced';
  test('a file that is replaced is seen though the process that maps it did nothing', { skip: scratch }, async () => {
    fs.mkdirSync(join(ROOT, 'dist'), { recursive: true });
    const dir = fs.mkdtempSync(join(ROOT, 'dist/kept-'));
    after(() => fs.rmSync(dir, { recursive: true, force: true }));
    const program = join(dir, 'sleep');
    fs.copyFileSync(SLEEP, program);
    const pid = await begun(run(program, '1000'), 'sleep');
    const kept = nothingKept();
    for (let looks = 0; looks < 3; looks += 1) await look(localHost(), kept);
    const { files, stamp } = kept.mapped.get(pid)!;
    assert.ok(files.some((file) => file.path === program && !file.deleted));
    fs.copyFileSync(SLEEP, `${program}.new`);
    fs.renameSync(`${program}.new`, program);
    const found = (await look(localHost(), kept)).get(pid)!.maps.find((file) => file.path === program)!;
    assert.equal(kept.mapped.get(pid)!.stamp, stamp, 'it did nothing');
    assert.ok(found.deleted && isAnother(await stat(program), found));
    fs.rmSync(program);
    assert.ok((await look(localHost(), kept)).get(pid)!.maps.some((file) => file.path === program && file.deleted));
  });

  test('nothing is kept of what ended, nor where the kernel does not say whether it ran', async () => {
    const child = run(SLEEP, '1000');
    const pid = await begun(child, 'sleep');
    const kept = nothingKept();
    await look(localHost(), kept);
    assert.ok(kept.mapped.has(pid) && kept.called.has(pid));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    await look(localHost(), kept);
    assert.ok(!kept.mapped.has(pid) && !kept.called.has(pid));
    assert.equal(stampsOf('', ''), null);
    assert.equal(stampsOf('1 (a) S 0 1', 'voluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t0\n'), null);
  });
});
