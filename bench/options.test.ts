import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { isNamed, parseOptions } from './options.ts';

const BENCHES = ['scan-silent', 'scan-rate', 'tls'];
const RUN = join(import.meta.dirname, 'run.ts');

test('names of benches: whole, or the beginning of some; one that is none is told with all that there are', () => {
  const { names, rounds, smoke } = parseOptions(['scan', '--smoke', '--rounds', '2'], BENCHES);
  assert.deepEqual([names, rounds, smoke], [['scan'], 2, true]);
  const running = (...wanted: string[]): string[] => BENCHES.filter((bench) => isNamed(bench, wanted));
  assert.deepEqual(running('scan'), ['scan-silent', 'scan-rate']);
  assert.deepEqual(running(), BENCHES);
  assert.throws(() => parseOptions(['tls', 'tlss'], BENCHES), /"tlss": there are scan-silent, scan-rate, tls\.$/);
  assert.throws(() => parseOptions(['tls', ''], BENCHES), /There is no bench ""/);
  for (const bad of ['0', '-1', '51', '1.5', 'many'])
    assert.throws(() => parseOptions([`--rounds=${bad}`], BENCHES), /--rounds is a number from 1 to 50/);
});

test('--help names the benches and runs none; an unknown name is an error', () => {
  const help = execFileSync(process.execPath, [RUN, '--help'], { encoding: 'utf8', timeout: 30_000 });
  for (const name of ['ssh-facts', 'patching', 'deploying', 'scan-rate'])
    assert.match(help, new RegExp(`^  ${name} `, 'm'));
  const wrong = spawnSync(process.execPath, [RUN, 'nothing', '--smoke'], { encoding: 'utf8', timeout: 30_000 });
  assert.equal(wrong.status, 2);
  assert.equal(wrong.stdout, '');
  assert.match(wrong.stderr, /There is no bench "nothing": there are agent, /);
});
