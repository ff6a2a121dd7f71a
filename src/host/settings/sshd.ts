import { readText, type Host } from '../host.ts';
import { fits } from './glob.ts';

export const SSHD_CONFIG = '/etc/ssh/sshd_config';
const INCLUDE_DEPTH = 16;
/** Files that name each other would be read for ever; sshd gives up at its depth, having nothing else to do. */
const FILES_LIMIT = 200;
const LINE_LIMIT = 16_384;

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

/** Reads the files that `Include` names; a path may end in a pattern. */
export type ReadIncluded = (pattern: string) => Promise<string[]>;

/** Text of the files that are being read, each included by the one before it, and how many more may be read. */
interface Way {
  texts: readonly string[];
  budget: { files: number };
}

/** Effective global settings, keyword in lower case → value. `Match` blocks hold for some connections only: left out. */
export async function effectiveSshd(text: string, included: ReadIncluded): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  await apply(settings, text, included, { texts: [text], budget: { files: FILES_LIMIT } });
  return { ...DEFAULTS, ...modern(settings) };
}

async function apply(settings: Record<string, string>, text: string, included: ReadIncluded, way: Way): Promise<void> {
  for (const line of text.split('\n')) {
    const parsed = line.length > LINE_LIMIT ? null : sshdLine(line);
    if (!parsed) continue;
    if (parsed.keyword === 'match') return;
    if (parsed.keyword !== 'include') set(settings, parsed.keyword, parsed.value);
    else if (way.texts.length <= INCLUDE_DEPTH) await include(settings, parsed.value, included, way);
  }
}

async function include(
  settings: Record<string, string>,
  patterns: string,
  included: ReadIncluded,
  { texts, budget }: Way,
): Promise<void> {
  for (const pattern of patterns.split(/\s+/)) {
    if (budget.files <= 0) return;
    for (const text of await included(pattern)) {
      budget.files -= 1;
      // One that includes itself, by whatever name, adds nothing the second time: the first value counts.
      if (budget.files < 0 || texts.includes(text)) continue;
      await apply(settings, text, included, { texts: [...texts, text], budget });
    }
  }
}

function set(settings: Record<string, string>, keyword: string, value: string): void {
  const known = settings[keyword];
  if (known === undefined) settings[keyword] = value;
  else if (ADDITIVE.has(keyword)) settings[keyword] = `${known} ${value}`;
}

/** `Keyword value`, `Keyword=value`, quotes around the value, `#` at the start of a word begins a comment. */
export function sshdLine(line: string): { keyword: string; value: string } | null {
  const match = /^([A-Za-z]\w*)(?:\s*=|\s)(.*)$/.exec(line.trim());
  if (!match) return null;
  const value = withoutComment(match[2]!.trim()).replace(/^"(.*)"$/, '$1');
  return { keyword: match[1]!.toLowerCase(), value };
}

/** A pattern that looks for blanks first would begin at each of them. */
function withoutComment(text: string): string {
  const at = /\s#/.exec(text)?.index;
  return at === undefined ? text : text.slice(0, at).trimEnd();
}

/** Files of a pattern in order of name; only the last part may hold `*` or `?`, relative paths are below /etc/ssh. */
export async function includedFiles(host: Host, pattern: string): Promise<{ directory: string; paths: string[] }> {
  const path = pattern.startsWith('/') ? pattern : `/etc/ssh/${pattern}`;
  const cut = path.lastIndexOf('/');
  const directory = path.slice(0, cut) || '/';
  const wanted = path.slice(cut + 1);
  const names = ((await host.list(directory)) ?? []).filter((name) => fits(name, wanted) && !name.startsWith('.'));
  return { directory, paths: names.slice(0, FILES_LIMIT).map((name) => `${directory}/${name}`) };
}

export function includedFrom(host: Host): ReadIncluded {
  return async (pattern) => {
    const texts: string[] = [];
    for (const path of (await includedFiles(host, pattern)).paths)
      texts.push((await readText(host, path, 262_144)) ?? '');
    return texts;
  };
}

/** What the lines of a file say of these keywords, word by word. */
export const sshdWords = (lines: readonly string[], keyword: RegExp): string[] =>
  lines
    .flatMap((line) => sshdLine(line.slice(0, LINE_LIMIT)) ?? [])
    .flatMap((line) => (keyword.test(line.keyword) ? line.value.split(/\s+/) : []));

/** Null where there is no sshd to configure. */
export async function readSshd(host: Host): Promise<Record<string, string> | null> {
  const text = await readText(host, SSHD_CONFIG, 262_144);
  return text === null ? null : effectiveSshd(text, includedFrom(host));
}

/** `keyword value` a line; a keyword that comes more than once holds all its values. */
export function parseEffective(text: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = line.length > LINE_LIMIT ? null : /^([a-z]\w*) (.*)$/.exec(line.trimEnd());
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
