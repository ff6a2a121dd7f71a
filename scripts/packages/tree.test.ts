import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lay, newToken } from '../../src/host/access/guard.ts';
import { localHost } from '../../src/host/local.ts';
import { agentFiles } from '../../src/loop/enrollment/logic/agent-files.ts';
import { SCRIPTS } from './tree.ts';

const { state } = agentFiles();

test('2.9: a package is not removed in the middle of a change; purged, it puts back what waits for a login', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lastember-purge-'));
  try {
    // The shell of a package manager, in a tree that stands for a machine: no path of the scripts leaves it.
    const run = (script: string, env: Record<string, string> = {}) =>
      spawnSync('sh', ['-c', script.replaceAll(/(?<![\w}"])\/(?=var|etc|usr|opt|run)/g, `${root}/`)], {
        env: { PATH: process.env['PATH']!, ...env },
        encoding: 'utf8',
      });
    const host = localHost({ root });
    await host.mkdir(`${state}/open`, 0o700);
    await host.write(`${state}/open/61.json`, Buffer.from('{}'), 0o600);
    const refused = run(SCRIPTS.leaving);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /in the middle of a change; wait for its end/);
    assert.equal(run(SCRIPTS.leaving, { LASTEMBER_FORCE: '1' }).status, 0);
    await host.mkdir('/etc', 0o755);
    await host.write('/etc/x', Buffer.from('new'), 0o644);
    // The script that restores is not told of the tree: for it the file is where it really is.
    const old = { path: join(root, 'etc/x'), mode: 0o644, uid: process.getuid!(), gid: process.getgid!() };
    await lay(host, newToken(), [{ ...old, bytes: Buffer.from('old') }]);
    const purged = run(SCRIPTS.purged);
    assert.equal(purged.status, 0, purged.stderr);
    assert.equal(readFileSync(join(root, 'etc/x'), 'utf8'), 'old');
    assert.ok(!existsSync(join(root, state)));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
