import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Handover } from './handover.ts';
import { look } from './looking.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-looking-'));
const [, own] = process.argv;
after(() => {
  process.argv[1] = own!;
  rmSync(dir, { recursive: true, force: true });
});

test('a look that breaks off after it fetched the lists: they count as fetched', async () => {
  const program = join(dir, 'look.mjs');
  writeFileSync(program, 'process.send({ listsAt: 1234 }, () => process.exit(1));');
  process.argv[1] = program;
  const handed = { times: { startedAt: 1, factsAt: 1, listsAt: 1, wholeAt: 1 } } as Handover;
  const ask = async (): Promise<never> => assert.fail('it has nothing to tell');
  await assert.rejects(look(handed, ask, new AbortController().signal), /it ended with 1/);
  assert.deepEqual(handed.times, { startedAt: 1, factsAt: 1, listsAt: 1234, wholeAt: 1 });
});
