import { SUPPORT_KINDS } from '../../model/extended-support.ts';
import { type Host, readText, stampOf } from '../host.ts';
import { cut } from '../text.ts';

const REPOSITORIES = '/etc/yum.repos.d';
/** What subscription-manager was told to stay at, and what dnf and yum were. */
const PINNED = ['/var/lib/rhsm/cache/releasever.json', '/etc/dnf/vars/releasever', '/etc/yum/vars/releasever'];
/** The file of a subscription has hundreds of repositories, nearly all of them disabled. */
const FILE_LIMIT = 4 * 1024 * 1024;
const MOST_FILES = 100;
const MOST = 100;

/** Words that Red Hat has in names of repositories with extended support. */
const EXTENDED = new RegExp(`-(?:${SUPPORT_KINDS.join('|')})(?=-)`);

/** Changes whenever one of the files does. */
export async function repositoriesStamp(host: Host): Promise<string> {
  const found: string[] = [];
  for (const path of await files(host)) {
    const stat = await host.stat(path);
    found.push(`${path} ${stat === null ? '' : stampOf(stat)}`);
  }
  return found.join('\n');
}

async function files(host: Host): Promise<string[]> {
  const names = (await host.list(REPOSITORIES)) ?? [];
  const ends = names.filter((name) => name.endsWith('.repo')).slice(0, MOST_FILES);
  return ends.map((name) => `${REPOSITORIES}/${name}`);
}

/** Ids of repositories with extended support that are enabled, sorted. Nothing else of them: addresses may hold passwords. */
export async function extendedRepositories(host: Host): Promise<string[]> {
  const found = new Set<string>();
  for (const path of await files(host))
    for (const id of enabledIn((await readText(host, path, FILE_LIMIT)) ?? ''))
      if (EXTENDED.test(id)) found.add(cut(id, 200));
  return [...found].sort().slice(0, MOST);
}

/** dnf takes a repository for enabled where nothing is said of it. */
export function enabledIn(text: string): string[] {
  const enabled = new Map<string, boolean>();
  let id: string | null = null;
  for (const line of text.split('\n')) {
    // It goes on with the value before it.
    if (line.startsWith(' ') || line.startsWith('\t')) continue;
    const said = line.trim();
    if (said.startsWith('[') && said.endsWith(']')) {
      id = said.slice(1, -1);
      enabled.set(id, true);
      continue;
    }
    const at = said.indexOf('=');
    if (id === null || at === -1 || said.slice(0, at).trimEnd() !== 'enabled') continue;
    enabled.set(id, /^(?:1|yes|true|on)$/i.test(said.slice(at + 1).trim()));
  }
  return [...enabled].flatMap(([name, isOn]) => (isOn ? [name] : []));
}

/** The release that updates are held at; null: none, or nobody may read it. */
export async function pinnedRelease(host: Host): Promise<string | null> {
  for (const path of PINNED) {
    const text = await readText(host, path, 4096).catch(() => null);
    const release = text === null ? null : releaseIn(text);
    if (release !== null) return release;
  }
  return null;
}

/** `9.2`, or subscription-manager's `{"releaseVer": "9.2"}`. `7Server` and `9` hold nothing. */
function releaseIn(text: string): string | null {
  const said = /^\{\s?"releaseVer":\s?"([^"]{1,20})"/.exec(text.trim())?.[1] ?? text.trim();
  return /^\d{1,3}\.\d{1,3}$/.test(said) ? said : null;
}
