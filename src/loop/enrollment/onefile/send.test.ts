import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localHost } from '../../../host/local.ts';
import type { SshHost } from '../../../host/ssh/index.ts';
import { UNPACKERS } from '../logic/unpack.ts';
import { sendOneFile } from './send.ts';

test('2.2: a copy of a deployment that died still runs: the next one is put beside it, and leftovers go', async () => {
  const place = mkdtempSync(join(tmpdir(), 'lastember-send-'));
  const path = join(place, 'lastember-agent');
  const left = `${path}.new`;
  copyFileSync('/bin/sleep', left);
  mkdirSync(`${path}.new-0a1b2c3d.d`);
  const busy = spawn(left, ['60'], { stdio: 'ignore' });
  try {
    await once(busy, 'spawn');
    const bytes = Buffer.from('#!/bin/sh\necho 1.0\n');
    // Files and commands of this machine, as they are over SSH.
    const remote = localHost({ root: '/' }) as unknown as SshHost;
    await sendOneFile({ remote, host: 'here' }, { bytes, unpacker: UNPACKERS.at(-1)!, path });
    assert.deepEqual(readdirSync(place), ['lastember-agent']);
    assert.deepEqual(readFileSync(path), bytes);
    assert.equal(busy.exitCode, null);
  } finally {
    busy.kill();
    rmSync(place, { recursive: true, force: true });
  }
});
