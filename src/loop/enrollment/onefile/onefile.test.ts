import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { UNPACKERS, chooseUnpacker, type Packing } from '../logic/unpack.ts';
import { compressors } from './compress.ts';
import { debAround, tarAround } from './deb.ts';
import { makeOneFile, packedAgent } from './pack.ts';
import { joinXz } from './xz.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-one-file-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const arch = process.arch as 'x64' | 'arm64';
const runtime = process.execPath;
const has = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const noXz = has('xz') ? false : 'there is no xz here';

test('pieces packed as .xz and joined are one .xz file of all of them', { skip: noXz }, async () => {
  const compress = compressors(arch).xz!;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1, maxLength: 4 }),
      async (pieces) => {
        const joined = joinXz(await Promise.all(pieces.map((piece) => compress(Buffer.from(piece)))));
        assert.deepEqual(execFileSync('xz', ['-dc'], { input: joined }), Buffer.concat(pieces));
        const list = execFileSync(
          'xz',
          ['--robot', '--list', '/dev/stdin'.replace('/dev/stdin', keep('x.xz', joined))],
          { encoding: 'utf8' },
        );
        assert.match(list, new RegExp(`^file\t1\t${pieces.length}\t`, 'm'), 'one stream');
      },
    ),
    { numRuns: 15 },
  );
});

function keep(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

/** As a server packs them, in two pieces. */
async function inTransit(transit: (typeof UNPACKERS)[number]['transit'], content: Buffer): Promise<Buffer | null> {
  if (transit === 'plain') return content;
  const compress = compressors(arch)[transit === 'deb' ? 'xz' : transit];
  if (!compress) return null;
  const around =
    transit === 'deb' ? tarAround(content.length, 0o755) : { before: Buffer.alloc(0), after: Buffer.alloc(0) };
  const pieces = [around.before, content.subarray(0, 5000), content.subarray(5000), around.after].filter(
    (p) => p.length,
  );
  const packed = await Promise.all(pieces.map(compress));
  if (transit === 'zst' || transit === 'gz') return Buffer.concat(packed);
  return transit === 'deb' ? debAround(joinXz(packed)) : joinXz(packed);
}

for (const { name, transit, probe, steps } of UNPACKERS)
  test(`${name} makes the file of what travels as ${transit}`, async (t) => {
    if (probe && spawnSync(probe.argv[0]!, probe.argv.slice(1)).status !== 0) return t.skip(`no ${name} here`);
    const content = Buffer.concat([randomBytes(9001), Buffer.alloc(70_000, 'lastember')]);
    const bytes = await inTransit(transit, content);
    if (bytes === null) return t.skip(`nothing here packs as ${transit}`);
    const place = mkdtempSync(join(dir, 'host-'));
    const { came, argv, made } = steps(join(place, 'agent.new'));
    writeFileSync(came, bytes);
    if (argv) execFileSync(argv[0]!, argv.slice(1));
    assert.deepEqual(readFileSync(made), content);
  });

test('the smallest form that the host can unpack and this server can make', () => {
  const all = new Set<Packing>(['xz', 'zst', 'gz']);
  const choose = (there: string[], canMake = all): string => chooseUnpacker(new Set(there), canMake).name;
  assert.equal(choose(['gzip', 'xz', 'python3']), 'xz');
  assert.equal(choose(['gzip', 'dpkg-deb']), 'dpkg-deb');
  assert.equal(choose(['gzip', 'dpkg-deb', 'zstd'], new Set<Packing>(['zst', 'gz'])), 'zstd');
  assert.equal(choose([]), 'nothing');
});

test('the same program gives the same bytes, so that a digest of it can be promised', async () => {
  const program = Buffer.from('console.log(process.version, (() => [1, 2].map((n) => n + 1))())');
  const [one, other] = [await makeOneFile({ program, runtime }), await makeOneFile({ program, runtime })];
  assert.ok(one.bytes.equals(other.bytes));
});

test('packed once a version; a new program packs again only what it changes', async () => {
  const cache = join(dir, 'cache');
  const packed = (program: string): Promise<string> =>
    packedAgent({ program: Buffer.from(program), arch, runtime }, 'gz', cache);
  const make = async (program: string): Promise<Buffer> => readFileSync(await packed(program));
  const pieces = (): string[] => readdirSync(join(cache, 'pieces'));
  const [first, same] = await Promise.all([make('console.log(1)'), make('console.log(1)')]);
  assert.deepEqual(first, same);
  assert.equal(readdirSync(cache).length, 2, 'two who ask at one time get one answer');
  const before = pieces();
  assert.deepEqual(await make('console.log(1)'), first);
  const path = join(dir, 'agent');
  writeFileSync(
    path,
    execFileSync('gzip', ['-dc'], { input: await make('console.log("two".repeat(2))'), maxBuffer: 2e8 }),
    { mode: 0o755 },
  );
  assert.equal(execFileSync(path, { encoding: 'utf8' }), 'twotwo\n');
  assert.ok(pieces().length - before.length <= 2, 'the first page and the program');
  assert.ok(statSync(path).size > 50_000_000);
});
