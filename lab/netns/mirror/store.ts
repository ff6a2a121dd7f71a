/** Files of the archives, fetched once with the machine's own apt and kept. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../command.ts';
import { partialOf } from '../partial.ts';

/** First part of a path on the mirror → where the machine gets it. */
export type Upstreams = Readonly<Record<string, string>>;

export type Got = { file: string } | { status: 403 | 404 | 502; why: string };

export const HELPER = '/usr/lib/apt/apt-helper';
/** How long what can change (a suite's signed index) is used before it is asked for again. */
const FRESH_MS = 10 * 60_000;
const SAFE = /^(?:[\w+~%:=-][\w.+~%:=-]*\/)*[\w+~%:=-][\w.+~%:=-]*$/;

export class Store {
  readonly #dir: string;
  readonly #upstreams: Upstreams;
  /** hosts ask for the same at the same time */
  readonly #underWay = new Map<string, Promise<Got>>();

  constructor(dir: string, upstreams: Upstreams) {
    this.#dir = dir;
    this.#upstreams = upstreams;
  }

  async get(path: string): Promise<Got> {
    const [name = '', ...rest] = path.replace(/^\/+/, '').split('/');
    const upstream = this.#upstreams[name];
    const inside = rest.join('/');
    if (upstream === undefined || !SAFE.test(inside))
      return { status: 403, why: 'not of an archive that this mirror has' };
    const file = join(this.#dir, name, inside);
    if (usable(file, inside)) return { file };
    const before = this.#underWay.get(file);
    if (before) return before;
    const fetched = fetchInto(`${upstream}/${inside}`, file).finally(() => this.#underWay.delete(file));
    this.#underWay.set(file, fetched);
    return fetched;
  }
}

/** What is named by its hash, or is a package, never changes. */
function usable(file: string, path: string): boolean {
  if (!existsSync(file)) return false;
  if (/^pool\/|\/by-hash\//.test(path)) return true;
  return Date.now() - statSync(file).mtimeMs < FRESH_MS;
}

/** The machine's apt knows its proxies and how far it trusts them; an old copy serves while there is no network. */
async function fetchInto(uri: string, file: string): Promise<Got> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  const partial = partialOf(file);
  const ran = await run([HELPER, '-o', 'APT::Sandbox::User=root', 'download-file', uri, partial]);
  if (ran.code === 0 && existsSync(partial)) {
    // apt gives it the archive's time; here it says when we asked.
    utimesSync(partial, new Date(), new Date());
    renameSync(partial, file);
    return { file };
  }
  rmSync(partial, { force: true });
  if (/\b404\b/.test(ran.stderr + ran.stdout)) return { status: 404, why: 'the archive does not have it' };
  if (existsSync(file)) return { file };
  return { status: 502, why: ran.stderr.trim().slice(0, 300) };
}
