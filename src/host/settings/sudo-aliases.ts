import { split, type WordRules } from '../words.ts';

/** Longer lists than this are cut; whoever asks is told. */
export const LIST_LIMIT = 1000;
const COMMA: WordRules = { ends: (char) => char === ',', quotes: '"', escapes: 'anything', parentheses: true };

/** At commas outside of quotes, parentheses and escapes. */
export const listOf = (text: string): string[] =>
  split(text, COMMA)
    .map((part) => part.trim())
    .filter(Boolean);

/** Names of users, hosts and commands, each resolved once. An alias that leads back to itself stands for its own name. */
export class Aliases {
  /** false: a list was longer than we follow */
  whole = true;
  readonly #lists: ReadonlyMap<string, readonly string[]>;
  readonly #known = new Map<string, readonly string[]>();
  readonly #way = new Set<string>();

  constructor(lines: readonly string[]) {
    this.#lists = new Map(lines.flatMap(aliasesOf));
  }

  resolved(items: readonly string[]): string[] {
    const found = new Set<string>();
    for (const item of items) {
      for (const one of this.#one(item)) found.add(one);
      if (found.size > LIST_LIMIT) this.whole = false;
      if (found.size > LIST_LIMIT) break;
    }
    return [...found].slice(0, LIST_LIMIT);
  }

  #one(item: string): readonly string[] {
    const bare = item.replace(/^[!\s]+/, '');
    const list = this.#lists.get(bare);
    if (list === undefined || this.#way.has(bare)) return [item];
    const inner = this.#known.get(bare) ?? this.#follow(bare, list);
    const not = (/^[!\s]+/.exec(item)?.[0].match(/!/g) ?? []).length % 2 === 1;
    return not ? inner.map((one) => `!${one}`.replace(/^!!/, '')) : inner;
  }

  #follow(name: string, list: readonly string[]): readonly string[] {
    this.#way.add(name);
    const inner = this.resolved(list);
    this.#way.delete(name);
    this.#known.set(name, inner);
    return inner;
  }
}

/** `User_Alias A = x, y : B = z` */
function aliasesOf(line: string): [string, string[]][] {
  const match = /^(?:User|Runas|Host|Cmnd|Cmd)_Alias (.*)$/.exec(line);
  return (match?.[1] ?? '').split(' : ').flatMap((part): [string, string[]][] => {
    const pair = /^([A-Z][A-Z0-9_]*) ?= ?(.*)$/.exec(part.trim());
    return pair ? [[pair[1]!, listOf(pair[2]!)]] : [];
  });
}
