import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localHost } from '../../../host/local.ts';
import type { SshHost } from '../../../host/ssh/index.ts';
import { UNPACKERS } from '../logic/unpack.ts';
import { sendOneFile } from './send.ts';

const PROGRAM = '#!/bin/sh\necho 1.0\n';
/** It writes into the file that is there, where others make one anew. */
const inPlace = UNPACKERS.find(({ name }) => name === 'python3')!;
const missing = ['xz', 'python3'].filter((program) => spawnSync(program, ['--version']).status !== 0);
const skip = missing.length > 0 && `${missing.join(' and ')} is not here`;

test('2.2: what a deployment that died still writes to is in nobody’s way, and leftovers go', { skip }, async () => {
  const place = mkdtempSync(join(tmpdir(), 'lastember-send-'));
  const path = join(place, 'lastember-agent');
  mkdirSync(`${path}.new.d`);
  mkdirSync(`${path}.new-0a1b2c3d.d`);
  // As by a command that outlived its connection: until this is closed, the kernel runs nothing from the file.
  const held = openSync(`${path}.new`, 'w');
  try {
    const bytes = execFileSync('xz', ['-c'], { input: PROGRAM });
    // Files and commands of this machine, as they are over SSH.
    const remote = localHost({ root: '/' }) as unknown as SshHost;
    await sendOneFile({ remote, host: 'here' }, { bytes, unpacker: inPlace, path });
    assert.deepEqual(readdirSync(place), ['lastember-agent']);
    assert.equal(readFileSync(path, 'utf8'), PROGRAM);
  } finally {
    closeSync(held);
    rmSync(place, { recursive: true, force: true });
  }
});
