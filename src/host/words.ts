export interface WordRules {
  /** ends a part, outside of quotes and parentheses */
  ends: (char: string) => boolean;
  quotes: string;
  /** what a backslash outside of quotes takes its meaning from; within quotes it is the quote */
  escapes: 'anything' | 'quotes';
  parentheses?: boolean;
}

/**
 * Parts of a line. One pass over it, whatever stands there: people without rights write such lines, and must not decide
 * how long reading them takes. A quote that is never closed is a character like others.
 */
export function split(line: string, rules: WordRules): string[] {
  const scanner = new Scanner(line, rules);
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (scanner.escapes(at)) at += 1;
    else if (!scanner.within(line[at]!, at) && rules.ends(line[at]!)) {
      parts.push(line.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(line.slice(start));
  return parts.filter((part) => part !== '');
}

/** Where what begins at the start of a line ends: at the first character that ends a part, or with the line. */
export function firstEnd(line: string, rules: WordRules): number {
  const scanner = new Scanner(line, rules);
  for (let at = 0; at < line.length; at += 1) {
    if (scanner.escapes(at)) at += 1;
    else if (!scanner.within(line[at]!, at) && rules.ends(line[at]!)) return at;
  }
  return line.length;
}

class Scanner {
  readonly #line: string;
  readonly #rules: WordRules;
  readonly #last: ReadonlyMap<string, number>;
  #closer = '';

  constructor(line: string, rules: WordRules) {
    this.#line = line;
    this.#rules = rules;
    this.#last = new Map([...rules.quotes, ')'].map((char) => [char, line.lastIndexOf(char)]));
  }

  /** Does the next character lose its meaning by this one? */
  escapes(at: number): boolean {
    if (this.#line[at] !== '\\') return false;
    const next = this.#line[at + 1] ?? '';
    if (this.#closer !== '' && this.#closer !== ')') return next === this.#closer;
    return this.#rules.escapes === 'anything' || (next !== '' && this.#rules.quotes.includes(next));
  }

  /** Does this character stand in quotes or parentheses, or is it one of those? */
  within(char: string, at: number): boolean {
    if (this.#closer !== '') {
      if (char === this.#closer) this.#closer = '';
      return true;
    }
    const closer = this.#rules.quotes.includes(char) ? char : this.#rules.parentheses && char === '(' ? ')' : '';
    if (closer === '' || at >= this.#last.get(closer)!) return false;
    this.#closer = closer;
    return true;
  }
}
