import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { programBlob } from '../onefile/blob.ts';
import { oneFile } from './elf.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-elf-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const runtime = readFileSync(process.execPath);
const PROGRAM = 'console.log(JSON.stringify([process.argv.slice(2), require("node:sea").isSea(), process.execArgv]))';

test('the runtime with a program in it runs that program, with its arguments, whatever the environment says', async () => {
  const made = oneFile(runtime, await programBlob(Buffer.from(PROGRAM)));
  assert.ok(made);
  const path = join(dir, 'one');
  writeFileSync(path, made.bytes, { mode: 0o755 });
  const said = execFileSync(path, ['run', '--config', '/x'], { encoding: 'utf8', env: { NODE_OPTIONS: '' } });
  assert.deepEqual(JSON.parse(said).slice(0, 2), [['run', '--config', '/x'], true]);
});

test('the same program gives the same bytes, and another program changes the first page and the end only', async () => {
  const [a, again, b] = await Promise.all(
    [PROGRAM, PROGRAM, `${PROGRAM};`.repeat(50)].map(async (text) =>
      oneFile(runtime, await programBlob(Buffer.from(text))),
    ),
  );
  assert.ok(a!.bytes.equals(again!.bytes));
  assert.ok(!a!.bytes.equals(b!.bytes));
  assert.equal(a!.blobAt, b!.blobAt);
  assert.ok(a!.bytes.subarray(4096, a!.blobAt).equals(b!.bytes.subarray(4096, b!.blobAt)));
});

test('it is as small as strip makes it', async (t) => {
  const path = join(dir, 'stripped');
  if (spawnSync('strip', ['-o', path, process.execPath]).status !== 0) return t.skip('there is no strip here');
  const made = oneFile(runtime, Buffer.alloc(1000))!;
  assert.ok(made.blobAt - statSync(path).size < 100_000, `${made.blobAt} and ${statSync(path).size}`);
});

test('what is no runtime as we know it is refused, and so is one that has a program already', () => {
  assert.equal(oneFile(Buffer.from('#!/bin/sh\n'), Buffer.alloc(1)), null);
  assert.equal(oneFile(readFileSync('/bin/sh'), Buffer.alloc(1)), null);
  assert.equal(oneFile(oneFile(runtime, Buffer.alloc(1))!.bytes, Buffer.alloc(1)), null);
  assert.equal(oneFile(runtime.subarray(0, 40), Buffer.alloc(1)), null);
});
