import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { scannerUnit, type UnitOptions } from './unit.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-scanner-unit-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const OPTIONS: UnitOptions = {
  program: ['/bin/true', '/opt/lastember/main.ts'],
  site: 'berlin',
  server: 'https://lastember.example:7415',
  name: 'branch "1" 100% $HOME \\',
  only: ['10.20.0.0/16'],
  never: ['10.20.9.0/24', 'fd00::1'],
  path: 'syn',
};

function analyze(t: TestContext, verb: string, unit: string): { text: string; status: number | null } | null {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
    t.skip('there is no systemd-analyze here');
    return null;
  }
  const path = join(dir, 'lastember-scanner-berlin.service');
  writeFileSync(path, unit);
  const argv = verb === 'verify' ? ['verify', '--man=no', path] : [verb, '--offline=yes', '--threshold=20', path];
  const said = spawnSync('systemd-analyze', argv, { encoding: 'utf8' });
  return { text: `${said.stdout}${said.stderr}`, status: said.status };
}

test('systemd understands each word of a scanner’s unit, whatever its name is', (t) => {
  for (const path of ['auto', 'syn']) {
    const said = analyze(t, 'verify', scannerUnit({ ...OPTIONS, path }));
    if (!said) return;
    assert.deepEqual(
      said.text.split('\n').filter((line) => line.includes('lastember-scanner-berlin.service')),
      [],
    );
  }
  const wrong = analyze(t, 'verify', scannerUnit(OPTIONS).replace('ProtectClock', 'ProtectClocks'));
  assert.match(wrong!.text, /ProtectClocks/, 'it finds what is wrong');
});

test('systemd calls a scanner’s unit well protected', (t) => {
  const said = analyze(t, 'security', scannerUnit({ ...OPTIONS, path: 'auto' }));
  if (!said) return;
  // Below 2.0 of 10; an unprotected service has 9.6.
  assert.equal(said.status, 0, said.text);
});

test('what a unit is made of is checked: nothing ends its line, and a token is not in it', () => {
  assert.throws(() => scannerUnit({ ...OPTIONS, name: 'a\nExecStartPre=/bin/x' }), /control character/);
  assert.throws(() => scannerUnit({ ...OPTIONS, site: 'Berlin\n' }));
  assert.throws(() => scannerUnit({ ...OPTIONS, only: ['10.20.0.0/99'] }), /10\.20\.0\.0\/99/);
  const unit = scannerUnit(OPTIONS);
  assert.ok(unit.includes('"branch \\"1\\" 100%% $$HOME \\\\"'), unit);
  assert.match(unit, /^CapabilityBoundingSet=CAP_NET_RAW$/m);
  assert.match(scannerUnit({ ...OPTIONS, path: 'auto' }), /^CapabilityBoundingSet=$/m);
  assert.doesNotMatch(unit, /--token/);
});
