import { split, type WordRules } from '../words.ts';
import { listOf, type Aliases } from './sudo-aliases.ts';

/** Does sudo ask this user (as sudoers writes it) for a password, where no tag says so? */
export type Asks = (who: string) => boolean;

const COMMA: WordRules = { ends: (char) => char === ',', quotes: '"', escapes: 'anything' };

/**
 * `Defaults !authenticate`, of all and of single users; the last one counts. Those of hosts, commands and of whom one
 * becomes hold in some cases only: they are told as defaults and change no grant.
 */
export function withoutPassword(defaults: readonly string[], aliases: Aliases): Asks {
  let all = true;
  const single = new Map<string, boolean>();
  for (const line of defaults) {
    const match = /^Defaults(?::((?:[^\s,]|, ?)+))? (.*)$/.exec(line);
    const said = split(match?.[2] ?? '', COMMA).map((part) => part.trim().replace(/\s/g, ''));
    const last = said.findLast((part) => part === 'authenticate' || part === '!authenticate');
    if (last === undefined) continue;
    const asks = last === 'authenticate';
    if (match![1] === undefined) all = asks;
    else for (const who of aliases.resolved(listOf(match![1]))) single.set(who.replace(/"/g, ''), asks);
  }
  return (who) => single.get(who) ?? single.get('ALL') ?? all;
}
