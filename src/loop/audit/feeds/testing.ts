import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import type { Statement } from '../../../model/statement.ts';
import { releaseOf } from '../logic/advisories/release.ts';
import type { FeedStatement, Installed } from '../logic/advisories/match.ts';

export const DATA = join(import.meta.dirname, '../../../../../shared/data');

/** A file of the shared data; null, and the test is skipped, where it is not on this machine. */
export function shared(t: TestContext, name: string): Buffer | null {
  const path = join(DATA, name);
  if (!existsSync(path)) {
    t.skip(`${name} is not on this machine`);
    return null;
  }
  return name.endsWith('.xz') && !name.endsWith('.tar.xz')
    ? execFileSync('xz', ['-dc', path], { maxBuffer: 64 * 1024 * 1024 })
    : readFileSync(path);
}

/** All OSV records of an archive, as one file with a list of them. Unpacked in memory: so many files take a disk minutes. */
export function sharedRecords(t: TestContext, name: string): Buffer | null {
  if (shared(t, name) === null) return null;
  const tar = execFileSync('xz', ['-dc', join(DATA, name)], { maxBuffer: 1024 ** 3 });
  const records: string[] = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const path = tar.toString('utf8', at, tar.indexOf(0, at));
    const size = Number.parseInt(tar.toString('ascii', at + 124, at + 135), 8);
    if (path.endsWith('.json')) records.push(tar.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return Buffer.from(`[${records.join(',')}]`);
}

export const own = (statements: readonly Statement[], feed = 'test'): FeedStatement[] =>
  statements.map((one) => ({ ...one, feed, own: true, time: 0 }));

/** Of everything before `fixed`; null: of all there is. */
export const statement = (fixed: string | null, rest: Partial<Statement>): Statement => ({
  ecosystem: 'Debian',
  release: null,
  name: 'x',
  of: 'source',
  id: 'CVE-2026-1',
  aliases: [],
  status: fixed === null ? 'affected' : 'fixed',
  ranges: [fixed === null ? { introduced: '0' } : { introduced: '0', fixed }],
  versions: [],
  fixed,
  urgency: null,
  reason: null,
  ...rest,
});

/** `bash 5.2.15-2+b13 from bash 5.2.15-2` on Debian 12. */
export function debian(name: string, version: string, source = name, sourceVersion = version): Installed {
  return { ecosystem: 'Debian', release: releaseOf('Debian', '12'), name, version, source, sourceVersion };
}

/** A zip archive; `lie`: the size that it claims of each file. */
export function zip(files: Readonly<Record<string, string | Buffer>>, lie?: number): Buffer {
  return archive(files, { packs: true, lie });
}

/** A zip archive of one file as it is. */
export const stored = (name: string, content: string | Buffer): Buffer =>
  archive({ [name]: content }, { packs: false });

function archive(
  files: Readonly<Record<string, string | Buffer>>,
  { packs, lie }: { packs: boolean; lie?: number | undefined },
): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const plain = Buffer.from(content);
    const packed = packs ? deflateRawSync(plain) : plain;
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(packs ? 8 : 0, 4);
    head.writeUInt32LE(crc32(plain), 10);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(lie ?? plain.length, 18);
    head.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), head, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), head, rest, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  const size = directory.reduce((sum, one) => sum + one.length, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

/** The packages of a dpkg status file, with the names and versions of their sources. */
export function dpkgStatus(text: string): Installed[] {
  return text.split('\n\n').flatMap((paragraph): Installed[] => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
    const [name, version] = [field('Package'), field('Version')];
    if (name === undefined || version === undefined) return [];
    const [source, own] = (field('Source') ?? name).split(' ');
    return [debian(name, version, source, own?.replace(/[()]/g, '') ?? version)];
  });
}
