import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, tree } from './facts/testing.ts';
import { parsePolicy } from './packages/apt.ts';
import { parseDpkgStatus } from './packages/dpkg.ts';
import { parseArchives, parseOrigins } from './packages/origins.ts';
import { parseRpm } from './packages/rpm.ts';
import { parseCrontab, parseTimers } from './services/cron.ts';
import { namedIn } from './services/sysv.ts';
import { parseEffective } from './settings/sshd.ts';

const READERS: Record<string, (text: string) => unknown> = {
  policy: parsePolicy,
  archives: parseArchives,
  origins: (text) => parseOrigins(text, new Map()),
  dpkg: (text) => parseDpkgStatus(text, ''),
  rpm: (text) => parseRpm(text, ''),
  'init script': namedIn,
  crontab: (text) => parseCrontab('/x', text, null),
  timers: parseTimers,
  'sshd -T': parseEffective,
};
const UNITS = [
  '\n',
  ' ',
  '\t\n',
  'x:\n',
  'x:\n \n',
  'x:\n  Installed: \n',
  ' 1 a b c\n',
  'a-a-',
  'A=$A$A\n',
  'A="$',
  'export ',
  '#\n',
  '* * * * * ',
  'TimersCalendar={ x ; next_elapse=',
  'port  ',
];

test('what root of a host says is read at once, whatever it is', () => {
  for (const [name, read] of Object.entries(READERS)) {
    for (const unit of UNITS) {
      const before = performance.now();
      read(`Id=x.timer\n${unit.repeat(262_144 / unit.length)}`);
      assert.ok(performance.now() - before < 5000, `${name} ${JSON.stringify(unit)}`);
    }
  }
});

test('init scripts: variables that hold each other twice do not grow without end', () => {
  const lines = Array.from({ length: 60 }, (_, n) => `V${n + 1}=$V${n}$V${n}`);
  assert.deepEqual(namedIn(`V0=/abcdefghij\n${lines.join('\n')}\nDAEMON=$V60\n`).pidFile, null);
  assert.ok((namedIn(`V0=/a\n${lines.join('\n')}\nDAEMON=$V60\n`).daemon ?? '').length <= 1000);
});

test('hardware: a processor that is all blanks is no processor, and soon', async () => {
  const root = tree({ 'proc/cpuinfo': `model name\t: ${' '.repeat(2_000_000)}x\nvendor_id : \nmicrocode:0x1\n` });
  const before = performance.now();
  const { cpu } = await data(root, 'hardware');
  assert.ok(performance.now() - before < 20_000);
  assert.deepEqual([cpu.model, cpu.vendor, cpu.microcode], ['x', null, '0x1']);
});
