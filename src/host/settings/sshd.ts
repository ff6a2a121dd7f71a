import { readText, type Host } from '../host.ts';

export const SSHD_CONFIG = '/etc/ssh/sshd_config';
const INCLUDE_DEPTH = 16;

/** What OpenSSH does where nothing is said (sshd_config(5)); only the settings that rules are written about. */
const DEFAULTS: Record<string, string> = {
  allowagentforwarding: 'yes',
  allowtcpforwarding: 'yes',
  clientalivecountmax: '3',
  clientaliveinterval: '0',
  gatewayports: 'no',
  hostbasedauthentication: 'no',
  ignorerhosts: 'yes',
  kbdinteractiveauthentication: 'yes',
  logingracetime: '120',
  loglevel: 'INFO',
  maxauthtries: '6',
  maxsessions: '10',
  maxstartups: '10:30:100',
  passwordauthentication: 'yes',
  permitemptypasswords: 'no',
  permitrootlogin: 'prohibit-password',
  permittunnel: 'no',
  permituserenvironment: 'no',
  port: '22',
  pubkeyauthentication: 'yes',
  strictmodes: 'yes',
  usedns: 'no',
  usepam: 'no',
  x11forwarding: 'no',
};
/** These add up; of every other keyword the first value counts and later ones are dead. */
const ADDITIVE = new Set([
  'acceptenv',
  'allowgroups',
  'allowusers',
  'denygroups',
  'denyusers',
  'hostkey',
  'listenaddress',
  'port',
]);

/** Reads a file that `Include` names; a path may end in a pattern. */
export type ReadIncluded = (pattern: string) => Promise<string[]>;

/** Effective global settings, keyword in lower case → value. `Match` blocks hold for some connections only: left out. */
export async function effectiveSshd(text: string, included: ReadIncluded): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  await apply(settings, text, included, 0);
  return { ...DEFAULTS, ...modern(settings) };
}

async function apply(
  settings: Record<string, string>,
  text: string,
  included: ReadIncluded,
  depth: number,
): Promise<void> {
  for (const line of text.split('\n')) {
    const parsed = sshdLine(line);
    if (!parsed) continue;
    if (parsed.keyword === 'match') return;
    if (parsed.keyword !== 'include') set(settings, parsed.keyword, parsed.value);
    else if (depth < INCLUDE_DEPTH) await include(settings, parsed.value, included, depth + 1);
  }
}

async function include(
  settings: Record<string, string>,
  patterns: string,
  included: ReadIncluded,
  depth: number,
): Promise<void> {
  for (const pattern of patterns.split(/\s+/)) {
    for (const text of await included(pattern)) await apply(settings, text, included, depth);
  }
}

function set(settings: Record<string, string>, keyword: string, value: string): void {
  const known = settings[keyword];
  if (known === undefined) settings[keyword] = value;
  else if (ADDITIVE.has(keyword)) settings[keyword] = `${known} ${value}`;
}

/** `Keyword value`, `Keyword=value`, quotes around the value, `#` at the start of a word begins a comment. */
export function sshdLine(line: string): { keyword: string; value: string } | null {
  const match = /^\s*([A-Za-z]\w*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line);
  if (!match) return null;
  const value = match[2]!.replace(/\s+#.*$/, '').replace(/^"(.*)"$/, '$1');
  return { keyword: match[1]!.toLowerCase(), value };
}

/** Files of a pattern in order of name; only the last part may hold `*` or `?`, relative paths are below /etc/ssh. */
export function includedFrom(host: Host): ReadIncluded {
  return async (pattern) => {
    const path = pattern.startsWith('/') ? pattern : `/etc/ssh/${pattern}`;
    const cut = path.lastIndexOf('/');
    const directory = path.slice(0, cut) || '/';
    const wanted = new RegExp(
      `^${path
        .slice(cut + 1)
        .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
        .replaceAll('*', '[^/]*')
        .replaceAll('?', '[^/]')}$`,
    );
    const names = ((await host.list(directory)) ?? []).filter((name) => wanted.test(name) && !name.startsWith('.'));
    const texts: string[] = [];
    for (const name of names) texts.push((await readText(host, `${directory}/${name}`, 262_144)) ?? '');
    return texts;
  };
}

/** Null where there is no sshd to configure. */
export async function readSshd(host: Host): Promise<Record<string, string> | null> {
  const text = await readText(host, SSHD_CONFIG, 262_144);
  return text === null ? null : effectiveSshd(text, includedFrom(host));
}

/** Settings in force and who told them. */
export interface SshdSettings {
  by: 'sshd' | 'files' | null;
  settings: Record<string, string>;
}

/**
 * What sshd itself makes of its files, defaults of its version included. It refuses to tell without keys or its directory,
 * and before 8.4 with Match blocks: then we read the files as it would.
 */
export async function sshdInForce(host: Host): Promise<SshdSettings> {
  const told = await host.exec(['sshd', '-T'], { timeoutMs: 15_000 }).catch(() => null);
  const settings = told?.code === 0 ? parseEffective(told.stdout) : {};
  if (settings['port'] !== undefined) return { by: 'sshd', settings };
  const read = await readSshd(host);
  return read === null ? { by: null, settings: {} } : { by: 'files', settings: read };
}

/** `keyword value` a line; a keyword that comes more than once holds all its values. */
export function parseEffective(text: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([a-z]\w*) (.*?)\s*$/.exec(line);
    if (!match) continue;
    const known = settings[match[1]!];
    settings[match[1]!] = known === undefined ? match[2]! : `${known} ${match[2]!}`;
  }
  return modern(settings);
}

/** One name and one value for one thing, whatever the version. */
function modern(settings: Record<string, string>): Record<string, string> {
  const { challengeresponseauthentication: old, ...others } = settings;
  if (old !== undefined) others['kbdinteractiveauthentication'] ??= old;
  if (others['permitrootlogin'] === 'without-password') others['permitrootlogin'] = 'prohibit-password';
  return others;
}
