/**
 * Which hosts a policy is for, in words of their tags: `env=prod and not (owner=web or role)`. `key=value` (`*` in the value
 * stands for anything), `key!=value`, `key` (the host has that tag), `*` (every host), `and`, `or`, `not`, parentheses.
 * `owner` is also the owner that somebody gave when they claimed the host. What cannot be read is refused, never guessed.
 */
export type Tagged = Readonly<Record<string, string>>;
/** `owner` is a tag like any other; who claimed the host is before what a source calls its owner. */
export const tagsOf = (host: { tags: Tagged; owner: string | null }): Tagged =>
  host.owner === null ? host.tags : { ...host.tags, owner: host.owner };

/** Whose a host is that nobody is the owner of. */
export const NOBODY = 'nobody';
export const ownerOf = (host: { tags: Tagged; owner: string | null }): string => tagsOf(host)['owner'] ?? NOBODY;

export type TagTest = (tags: Tagged) => boolean;

const LONGEST = 500;
const DEEPEST = 20;
const TOKEN =
  /\s*(?:([()])|([A-Za-z0-9_.-]+)\s*(!?=)\s*(?:"([^"]*)"|([^\s()"=][^\s()"]*))|(\*)(?=[\s)]|$)|([A-Za-z0-9_.-]+))/y;

type Token = { kind: 'mark' | 'word'; text: string } | { kind: 'test'; test: TagTest };

/** The test, or why the text is no such expression. */
export function readTagExpression(text: string): { test: TagTest } | { why: string } {
  if (text.length > LONGEST) return { why: `it is longer than ${LONGEST} characters` };
  const tokens = tokensOf(text);
  if (typeof tokens === 'string') return { why: tokens };
  return new Reader(tokens).whole();
}

function tokensOf(text: string): Token[] | string {
  const tokens: Token[] = [];
  for (let at = 0; at < text.trimEnd().length;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) return `it cannot be read from "${text.slice(at).trim().slice(0, 20)}" on`;
    tokens.push(tokenOf(found));
    at = TOKEN.lastIndex;
  }
  return tokens.length === 0 ? 'it is empty; `*` means every host' : tokens;
}

function tokenOf([, mark, key, operator, quoted, bare, star, word]: RegExpExecArray): Token {
  if (mark !== undefined) return { kind: 'mark', text: mark };
  if (star !== undefined) return { kind: 'test', test: () => true };
  if (word !== undefined) return { kind: 'word', text: word };
  const value = valueTest(quoted ?? bare!);
  const equal: TagTest = (tags) => Object.hasOwn(tags, key!) && value(tags[key!]!);
  return { kind: 'test', test: operator === '=' ? equal : (tags) => !equal(tags) };
}

function valueTest(wanted: string): (value: string) => boolean {
  if (!wanted.includes('*')) return (value) => value === wanted;
  const parts = wanted.split('*');
  return (value) => {
    let at = 0;
    for (const [index, part] of parts.entries()) {
      const found = index === parts.length - 1 ? value.length - part.length : value.indexOf(part, at);
      if (found < at || !value.startsWith(part, found) || (index === 0 && found !== 0)) return false;
      at = found + part.length;
    }
    return true;
  };
}

class Unreadable extends Error {}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): { test: TagTest } | { why: string } {
    try {
      const test = this.#either(0);
      const left = this.#tokens[this.#at];
      return left ? { why: `"and" or "or" is missing before ${nameOf(left)}` } : { test };
    } catch (error) {
      if (error instanceof Unreadable) return { why: error.message };
      throw error;
    }
  }

  #either(depth: number): TagTest {
    const parts = [this.#both(depth)];
    while (this.#take('or')) parts.push(this.#both(depth));
    return parts.length === 1 ? parts[0]! : (tags) => parts.some((part) => part(tags));
  }

  #both(depth: number): TagTest {
    const parts = [this.#one(depth)];
    while (this.#take('and')) parts.push(this.#one(depth));
    return parts.length === 1 ? parts[0]! : (tags) => parts.every((part) => part(tags));
  }

  #one(depth: number): TagTest {
    if (depth > DEEPEST) throw new Unreadable('it is nested too deeply');
    if (this.#take('not')) {
      const test = this.#one(depth + 1);
      return (tags) => !test(tags);
    }
    if (this.#take('(')) {
      const test = this.#either(depth + 1);
      if (!this.#take(')')) throw new Unreadable('a ")" is missing');
      return test;
    }
    return this.#test();
  }

  #test(): TagTest {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token?.kind === 'test') return token.test;
    if (token?.kind === 'word' && !['and', 'or', 'not'].includes(token.text))
      return (tags) => Object.hasOwn(tags, token.text);
    throw new Unreadable(token ? `a tag is missing before "${token.text}"` : 'it ends where a tag should be');
  }

  #take(text: string): boolean {
    const token = this.#tokens[this.#at];
    const is = token !== undefined && token.kind !== 'test' && token.text === text;
    if (is) this.#at += 1;
    return is;
  }
}

const nameOf = (token: Token): string => (token.kind === 'test' ? 'what follows' : `"${token.text}"`);
