import { readText, type Host } from '../host.ts';
import { fits } from './glob.ts';
import { SSHD_CONFIG, sshdLine } from './sshd.ts';

const DROP_INS = '/etc/ssh/sshd_config.d/';
export const TRIAL = '.lastember-trial';

export const isSshdFile = (path: string): boolean =>
  path === SSHD_CONFIG || (path.startsWith(DROP_INS) && !path.slice(DROP_INS.length).includes('/'));

/**
 * Files that `sshd -t -f FIRST` has to be given to judge a new text before it is put in place. For a drop-in that is the
 * main file with its includes spelt out, one of which is the trial. Null: the main file does not read that path.
 */
export async function sshdTrial(
  host: Host,
  path: string,
  text: string,
): Promise<[path: string, text: string][] | null> {
  if (path === SSHD_CONFIG) return [[`${SSHD_CONFIG}${TRIAL}`, text]];
  const main = await readText(host, SSHD_CONFIG, 262_144);
  if (main === null) return null;
  let isRead = false;
  const lines: string[] = [];
  for (const line of main.split('\n')) {
    const parsed = sshdLine(line);
    const spelt = parsed?.keyword === 'include' ? await spellOut(host, parsed.value, path) : null;
    isRead ||= spelt !== null;
    lines.push(spelt ?? line);
  }
  if (!isRead) return null;
  return [
    [`${SSHD_CONFIG}${TRIAL}`, lines.join('\n')],
    [`${path}${TRIAL}`, text],
  ];
}

/** The include with the names that its patterns stand for, in their order; null when the path is none of them. */
async function spellOut(host: Host, patterns: string, path: string): Promise<string | null> {
  const words: string[] = [];
  let isRead = false;
  for (const pattern of patterns.split(/\s+/)) {
    const absolute = pattern.startsWith('/') ? host.shown(pattern) : `/etc/ssh/${pattern}`;
    const cut = absolute.lastIndexOf('/') + 1;
    const [directory, wanted] = [absolute.slice(0, cut), absolute.slice(cut)];
    if (!path.startsWith(directory) || !fits(path.slice(cut), wanted)) {
      words.push(pattern);
      continue;
    }
    isRead = true;
    const prefix = pattern.startsWith('/') ? pattern.slice(0, pattern.lastIndexOf('/') + 1) : directory;
    const listed = ((await host.list(directory.slice(0, -1))) ?? []).filter((name) => fits(name, wanted));
    const names = [...new Set([...listed, path.slice(cut)])].sort();
    words.push(...names.map((name) => `${prefix}${name}${directory + name === path ? TRIAL : ''}`));
  }
  return isRead ? `Include ${words.join(' ')}` : null;
}
