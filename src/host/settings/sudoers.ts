import type { SudoFact } from '../../model/facts.ts';
import { masked } from '../masked.ts';
import { cut } from '../text.ts';
import { firstEnd, split, type WordRules } from '../words.ts';
import { Aliases, listOf } from './sudo-aliases.ts';
import { withoutPassword, type Asks } from './sudo-defaults.ts';
import { sudoLines, type ReadSudoers, type SudoText } from './sudo-lines.ts';

const TAG =
  /^(?:EXEC|NOEXEC|FOLLOW|NOFOLLOW|LOG_INPUT|NOLOG_INPUT|LOG_OUTPUT|NOLOG_OUTPUT|MAIL|NOMAIL|INTERCEPT|NOINTERCEPT|PASSWD|NOPASSWD|SETENV|NOSETENV) ?: ?/;
const OPTION =
  /^(CWD|CHROOT|ROLE|TYPE|PRIVS|LIMITPRIVS|APPARMOR_PROFILE|TIMEOUT|NOTBEFORE|NOTAFTER) ?= ?(?:"([^"]*)"|([^\s"]+)) ?/;
const DIGEST = /^sha(?:224|256|384|512) ?: ?[\w+/=]+ ?/;
const ALIAS = /^(?:User|Runas|Host|Cmnd|Cmd)_Alias\b/;
const COMMAND_LIMIT = 300;
/** Words that all grants together may have: a line with a thousand users and a thousand commands is a million facts. */
const WORDS_LIMIT = 100_000;

/** What sudoers says: grants with aliases resolved, and its defaults as written. */
export interface Sudoers {
  sudo: SudoFact[];
  defaults: string[];
  /** files of which not everything is told */
  unread: string[];
}

export async function parseSudoers(path: string, text: string, included: ReadSudoers): Promise<Sudoers> {
  const { lines, unread } = await sudoLines({ path, text }, included);
  const aliases = new Aliases(lines.map((line) => line.text));
  const defaults = lines.flatMap(({ text: line }) => (line.startsWith('Defaults') ? [line] : []));
  const asks = withoutPassword(defaults, aliases);
  const sudo: SudoFact[] = [];
  let room = WORDS_LIMIT;
  for (const line of lines.filter(({ text: one }) => !one.startsWith('Defaults') && !ALIAS.test(one))) {
    aliases.whole = true;
    for (const grant of grantsOf(line, aliases, asks)) {
      room -= 1 + grant.hosts.length + grant.commands.length;
      if (room < 0) break;
      sudo.push(grant);
    }
    if (room < 0 || !aliases.whole) unread.add(line.path);
  }
  return { sudo, defaults: defaults.map((line) => cut(masked(line), 500)), unread: [...unread].sort() };
}

/** A backslash takes its meaning from what sudoers would read otherwise. */
const plain = (text: string): string => text.replace(/\\([\\,:=\s])/g, '$1');

const EQUALS: WordRules = { ends: (char) => char === '=', quotes: '"', escapes: 'anything' };
const BLANK: WordRules = { ends: (char) => char === ' ', quotes: '"', escapes: 'anything' };

/** `users hosts = (runas) TAG: command, command : hosts = …` */
function* grantsOf({ path, text }: SudoText, aliases: Aliases, asks: Asks): Generator<SudoFact> {
  const end = firstEnd(text, EQUALS);
  if (end === text.length) return;
  const head = text.slice(0, end).replace(/ ?, ?/g, ',').trim();
  const [users = '', hosts = ''] = split(head, BLANK);
  const [first = '', ...more] = specsOf(text.slice(end + 1));
  const specs = [
    { hosts, commands: first },
    ...more.map((part) => {
      const at = part.indexOf('=');
      return { hosts: part.slice(0, at).trim(), commands: part.slice(at + 1) };
    }),
  ];
  const who = aliases.resolved(listOf(users)).map((one) => plain(one).replace(/"/g, ''));
  for (const spec of specs) {
    const grants = commandsOf(spec.commands, aliases);
    const on = aliases.resolved(listOf(spec.hosts));
    for (const one of who) {
      for (const { password, ...grant } of grants)
        yield { path, who: one, hosts: on, ...grant, password: password ?? asks(one) };
    }
  }
}

/** At colons behind which other hosts stand; those of tags have no equals sign behind them, or that of an option. */
function specsOf(text: string): string[] {
  const specs: string[] = [];
  for (const part of text.split(' : ')) {
    const at = part.indexOf('=');
    if (specs.length === 0 || (at !== -1 && !OPTION.test(part))) specs.push(part);
    else specs.push(`${specs.pop()!} : ${part}`);
  }
  return specs;
}

/** `password` is null where no tag says whether one is asked for. */
type Grant = Pick<SudoFact, 'runAs' | 'tags' | 'commands'> & { password: boolean | null };

/** Whom as, tags and options hold for the commands behind them too; a digest for its own command only. */
function commandsOf(text: string, aliases: Aliases): Grant[] {
  const grants: Grant[] = [];
  let runAs = 'root';
  let digest: string[] = [];
  const tags = new Map<string, string>();
  for (const item of listOf(text)) {
    const as = /^\(([^)]*)\) ?/.exec(item);
    if (as) runAs = runAsOf(as[1]!, aliases);
    const rest = withoutTags(as ? item.slice(as[0].length) : item, tags);
    const command = withoutDigests(rest);
    if (command !== rest) digest = ['DIGEST'];
    // A command may have several digests, each but the last with a comma behind it.
    if (command === '') continue;
    const commands = aliases.resolved([command]).map((one) => cut(masked(plain(one)), COMMAND_LIMIT));
    const asked = tags.get('PASSWD');
    const password = asked === undefined ? null : asked === 'PASSWD';
    const now = { runAs, password, tags: [...tags.values(), ...digest].sort() };
    const last = grants.at(-1);
    if (last && last.runAs === now.runAs && last.tags.join() === now.tags.join()) last.commands.push(...commands);
    else grants.push({ ...now, commands });
    digest = [];
  }
  return grants;
}

/** What stands before a command and is not it: a grant of ALL with a time limit is still one of everything. */
function withoutTags(item: string, tags: Map<string, string>): string {
  let rest = item.trim();
  for (;;) {
    const tag = TAG.exec(rest)?.[0];
    const option = tag === undefined ? OPTION.exec(rest) : null;
    if (tag !== undefined) {
      const name = tag.replace(/ ?: ?$/, '');
      tags.set(name.replace(/^NO(?!TBEFORE|TAFTER)/, ''), name);
    } else if (option) tags.set(option[1]!, cut(`${option[1]!}=${option[2] ?? option[3]!}`, COMMAND_LIMIT));
    else return rest;
    rest = rest.slice((tag ?? option![0]).length);
  }
}

function withoutDigests(item: string): string {
  let rest = item;
  for (let digest = DIGEST.exec(rest); digest; digest = DIGEST.exec(rest)) rest = rest.slice(digest[0].length);
  return rest;
}

function runAsOf(text: string, aliases: Aliases): string {
  const [users = '', groups] = text.split(':').map((part) => aliases.resolved(listOf(part)).join(', '));
  return cut(groups === undefined || groups === '' ? users || 'root' : `${users}:${groups}`, COMMAND_LIMIT);
}
