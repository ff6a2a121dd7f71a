import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { find } from './found.ts';
import { skip, TestLab } from './testing/lab.ts';

const lab = new TestLab('k');
after(async () => {
  if (!skip) await lab.lab('down');
});

async function killedWhen(what: string, reached: () => boolean): Promise<void> {
  const traces = await lab.traces();
  const up = lab.start('up', '--only', 'web1,old1');
  const ended = once(up, 'exit');
  while (!reached() && up.exitCode === null) await sleep(5);
  up.kill('SIGKILL');
  await ended;
  await lab.lab('down');
  assert.deepEqual(await lab.traces(), traces, what);
}

test('down leaves nothing after up was killed, wherever it was', { skip }, async () => {
  await lab.lab('up', '--only', 'web1,old1');
  await lab.lab('down');
  const { place } = lab;
  await killedWhen('as its directory was made', () => existsSync(place.run));
  await killedWhen('after the first namespace', () => find(place).namespaces.length > 0);
  await killedWhen('after the mirror', () => find(place).processes.some(({ part }) => part === 'mirror'));
  await killedWhen('after the first host began', () =>
    find(place).processes.some(({ part }) => part?.startsWith('host:')),
  );
  await killedWhen(
    'as a host was starting',
    () => find(place).processes.filter(({ part }) => part?.startsWith('host:')).length > 3,
  );
});

test('what up left can be gone on from only after down, and says so', { skip }, async () => {
  const up = lab.start('up', '--only', 'web1');
  while (!find(lab.place).processes.some(({ part }) => part === 'host:web1')) await sleep(5);
  up.kill('SIGKILL');
  await once(up, 'exit');
  const { processes } = find(lab.place);
  for (const { pid, part } of processes) if (part === 'host:web1') kill(pid);
  while (find(lab.place).processes.some(({ part }) => part === 'host:web1')) await sleep(20);
  await assert.rejects(lab.lab('up', '--only', 'web1'), /npm run lab -- down clears it/);
  await lab.lab('down');
});

test('a directory that is not a lab’s is never removed', { skip }, async () => {
  const other = { ...process.env, LASTEMBER_LAB_RUN: '/etc/apt' };
  const { run } = await import('./command.ts');
  const main = new URL('./main.ts', import.meta.url).pathname;
  const ran = await run([process.execPath, main, 'down'], { env: { ...other, LASTEMBER_LAB_NAME: lab.place.name } });
  assert.notEqual(ran.code, 0);
  assert.match(ran.stderr, /not a lab's directory/);
  assert.ok(existsSync('/etc/apt'));
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // went along with another
  }
}
