import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSize, LARGEST_KIT, MOST_FILES, refused } from './bounds.ts';
import { RECORDED } from './recorded.ts';
import { filesOfTarball } from './tarball.ts';

/** A kit as it is handed on, before anything of it was understood. */
export interface KitFolder {
  /** kit.yaml */
  text: string;
  /** kit.sig, where there is one */
  signature: string | null;
  /** name of the file within `fixtures/` → its text */
  fixtures: ReadonlyMap<string, string>;
}

const FIXTURE = /^(?:recorded\/)?[a-z0-9-]{1,60}\.yaml$/;

/** A folder (of a git checkout, say) or a tarball of one. */
export async function readKit(path: string): Promise<KitFolder> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw refused(path, 'there is nothing of that name');
  const files = found.isDirectory() ? await filesOfFolder(path) : await filesOfTarball(path);
  const text = files.get('kit.yaml');
  if (text === undefined) throw refused(path, 'it has no kit.yaml');
  const fixtures = [...files].flatMap(([name, inner]): [string, string][] => {
    const short = name.startsWith('fixtures/') ? name.slice('fixtures/'.length) : null;
    return short !== null && FIXTURE.test(short) ? [[short, inner]] : [];
  });
  return { text, signature: files.get('kit.sig')?.trim() ?? null, fixtures: new Map(fixtures) };
}

/** Only what a kit is made of; links are not followed, whatever they lead to. */
async function filesOfFolder(path: string): Promise<Map<string, string>> {
  const fixtures = [
    ...(await namesIn(join(path, 'fixtures'))).filter((name) => `${name}/` !== RECORDED),
    ...(await namesIn(join(path, 'fixtures', RECORDED))).map((name) => `${RECORDED}${name}`),
  ];
  if (fixtures.length > MOST_FILES) throw refused(path, `it has more than ${MOST_FILES} files`);
  const files = new Map<string, string>();
  let total = 0;
  for (const name of ['kit.yaml', 'kit.sig', ...fixtures.map((one) => `fixtures/${one}`)]) {
    const found = await lstat(join(path, name)).catch(() => null);
    if (found === null) continue;
    if (!found.isFile()) throw refused(path, `${name} is no regular file`);
    checkSize(path, name, found.size);
    total += found.size;
    if (total > LARGEST_KIT) throw refused(path, `it is larger than ${LARGEST_KIT} bytes`);
    files.set(name, await readFile(join(path, name), 'utf8'));
  }
  return files;
}

const namesIn = async (directory: string): Promise<string[]> => (await readdir(directory).catch(() => [])).sort();
