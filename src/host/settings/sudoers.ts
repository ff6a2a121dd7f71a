import type { SudoFact } from '../../model/facts.ts';
import { masked } from '../masked.ts';

const TAG =
  /^(?:EXEC|NOEXEC|FOLLOW|NOFOLLOW|LOG_INPUT|NOLOG_INPUT|LOG_OUTPUT|NOLOG_OUTPUT|MAIL|NOMAIL|INTERCEPT|NOINTERCEPT|PASSWD|NOPASSWD|SETENV|NOSETENV)\s*:\s*/;
const INCLUDE = /^[#@](include|includedir)\s+"?(.+?)"?$/;
const DEPTH = 16;
const COMMAND_LIMIT = 300;

/** What sudoers says: grants with aliases resolved, and its defaults as written. */
export interface Sudoers {
  sudo: SudoFact[];
  defaults: string[];
}

/** Files that an include names, in the order in which sudo reads them. */
export type ReadSudoers = (kind: 'include' | 'includedir', path: string) => Promise<{ path: string; text: string }[]>;

interface Line {
  path: string;
  text: string;
}

export async function parseSudoers(path: string, text: string, included: ReadSudoers): Promise<Sudoers> {
  const lines = await allLines({ path, text }, included, 0);
  const aliases = new Map(lines.flatMap(({ text: line }) => aliasesOf(line)));
  const grants = lines.filter(({ text: line }) => !/^(?:Defaults|(?:User|Runas|Host|Cmnd|Cmd)_Alias\b)/.test(line));
  return {
    sudo: grants.flatMap((line) => grantsOf(line, aliases)),
    defaults: lines.flatMap(({ text: line }) => (line.startsWith('Defaults') ? [masked(line).slice(0, 500)] : [])),
  };
}

async function allLines(file: Line, included: ReadSudoers, depth: number): Promise<Line[]> {
  const found: Line[] = [];
  for (const raw of file.text.replace(/\\\n/g, ' ').split('\n')) {
    const line = raw.trim();
    const include = INCLUDE.exec(line);
    if (include && depth < DEPTH) {
      const base = file.path.slice(0, file.path.lastIndexOf('/'));
      const path = include[2]!.startsWith('/') ? include[2]! : `${base}/${include[2]!}`;
      const files = await included(include[1] as 'include' | 'includedir', path);
      for (const inner of files) found.push(...(await allLines(inner, included, depth + 1)));
    }
    const text = include ? '' : withoutComment(line);
    if (text !== '') found.push({ path: file.path, text });
  }
  return found;
}

/** `#` begins a comment, but `#1000` is a uid, and in quotes or behind a backslash it is itself. */
const withoutComment = (line: string): string =>
  /^(?:"[^"]*"|\\.|#\d|[^#"\\])*/.exec(line)?.[0].replace(/\s+/g, ' ').trim() ?? '';

/** `User_Alias A = x, y : B = z` */
function aliasesOf(line: string): [string, string[]][] {
  const match = /^(?:User|Runas|Host|Cmnd|Cmd)_Alias (.*)$/.exec(line);
  return (match?.[1] ?? '').split(/ : /).flatMap((part): [string, string[]][] => {
    const pair = /^([A-Z][A-Z0-9_]*)\s*=\s*(.*)$/.exec(part.trim());
    return pair ? [[pair[1]!, listOf(pair[2]!)]] : [];
  });
}

/** At commas outside of quotes, parentheses and escapes. */
const listOf = (text: string): string[] =>
  (text.match(/(?:"[^"]*"|\\.|\([^)]*\)|[^,"\\(])+/g) ?? []).map((part) => part.trim()).filter(Boolean);

/** A backslash takes its meaning from what sudoers would read otherwise. */
const plain = (text: string): string => text.replace(/\\([\\,:=\s])/g, '$1');

type Aliases = ReadonlyMap<string, readonly string[]>;

function resolved(items: readonly string[], aliases: Aliases, depth = 0): string[] {
  return items.flatMap((item) => {
    const bare = item.replace(/^[!\s]+/, '');
    const inner = aliases.get(bare);
    if (inner === undefined || depth >= DEPTH) return [item];
    const not = (item.match(/!/g) ?? []).length % 2 === 1;
    return resolved(inner, aliases, depth + 1).map((one) => (not ? `!${one}` : one).replace(/^!!/, ''));
  });
}

/** `users hosts = (runas) TAG: command, command : hosts = …` */
function grantsOf({ path, text }: Line, aliases: Aliases): SudoFact[] {
  const cut = /^((?:"[^"]*"|\\.|[^="\\])*?)=(.*)$/.exec(text);
  if (!cut) return [];
  const head = cut[1]!.replace(/ ?, ?/g, ',').trim();
  const [users = '', hosts = ''] = head.match(/(?:"[^"]*"|\\.|[^\s"\\])+/g) ?? [];
  const [first = '', ...more] = cut[2]!.split(/ : (?=[^=]*=)/);
  const specs = [
    { hosts, commands: first },
    ...more.map((part) => {
      const at = part.indexOf('=');
      return { hosts: part.slice(0, at).trim(), commands: part.slice(at + 1) };
    }),
  ];
  const who = resolved(listOf(users), aliases);
  return specs.flatMap((spec) => {
    const grants = commandsOf(spec.commands, aliases);
    const on = resolved(listOf(spec.hosts), aliases);
    return who.flatMap((one) =>
      grants.map((grant) => ({ path, who: plain(one).replace(/"/g, ''), hosts: on, ...grant })),
    );
  });
}

type Grant = Pick<SudoFact, 'runAs' | 'password' | 'tags' | 'commands'>;

/** Whom as and tags hold for the commands behind them too. */
function commandsOf(text: string, aliases: Aliases): Grant[] {
  const grants: Grant[] = [];
  let runAs = 'root';
  const tags = new Map<string, string>();
  for (const item of listOf(text)) {
    let rest = item;
    const as = /^\(([^)]*)\)\s*/.exec(rest);
    if (as) {
      runAs = runAsOf(as[1]!, aliases);
      rest = rest.slice(as[0].length);
    }
    for (let tag = TAG.exec(rest); tag; tag = TAG.exec(rest)) {
      const name = tag[0].replace(/\s*:\s*$/, '');
      tags.set(name.replace(/^NO/, ''), name);
      rest = rest.slice(tag[0].length);
    }
    const commands = resolved([rest.trim()], aliases).map((command) => masked(plain(command)).slice(0, COMMAND_LIMIT));
    const last = grants.at(-1);
    const now = { runAs, password: tags.get('PASSWD') !== 'NOPASSWD', tags: [...tags.values()].sort() };
    if (last && last.runAs === now.runAs && last.tags.join() === now.tags.join()) last.commands.push(...commands);
    else grants.push({ ...now, commands });
  }
  return grants;
}

function runAsOf(text: string, aliases: Aliases): string {
  const [users = '', groups] = text.split(':').map((part) => resolved(listOf(part), aliases).join(', '));
  return groups === undefined || groups === '' ? users || 'root' : `${users}:${groups}`;
}
