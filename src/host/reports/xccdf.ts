import { setImmediate } from 'node:timers/promises';
import sax, { type Tag } from 'sax';
import { MOST_RULES, type Report, short } from './contract.ts';

const SLICE = 65_536;
const MOST_DEPTH = 200;

/** Of XCCDF; what was not selected is not told. */
const RESULTS = new Map<string, Report['rules'][number]['result']>(
  Object.entries({
    pass: 'pass',
    fixed: 'pass',
    fail: 'fail',
    error: 'unknown',
    unknown: 'unknown',
    notchecked: 'unknown',
    notapplicable: 'not-applicable',
  }),
);
const SEVERITIES = ['high', 'medium', 'low'] as const;

interface Tested {
  benchmark: string;
  version: string;
  profile: string | null;
  endedAt: string;
  rules: { id: string; severity: string; result: string }[];
}

/**
 * Results of `oscap xccdf eval`, with --results or --results-arf. Read as it comes, so that a file of many megabytes takes
 * little memory. A document type is refused: entities of it could unfold to anything. Throws an Error in plain words.
 */
export async function readXccdf(text: string): Promise<Report> {
  const found = new Found();
  const reader = sax.parser(true, { trim: false, position: false });
  reader.ondoctype = () => {
    throw new Error('it has a document type, which is not taken');
  };
  reader.onerror = (error) => {
    throw new Error(`it is no XML, or was cut off: ${error.message.split('\n')[0]}`);
  };
  reader.onopentag = (tag) => found.open(tag as Tag);
  reader.onclosetag = () => found.close();
  reader.ontext = reader.oncdata = (piece) => found.text(piece);
  for (let at = 0; at < text.length; at += SLICE) {
    reader.write(text.slice(at, at + SLICE));
    // An agent has other things to do meanwhile.
    await setImmediate();
  }
  reader.close();
  return found.report();
}

const bare = (name: string): string => name.slice(name.indexOf(':') + 1);

class Found {
  readonly #path: string[] = [];
  readonly #titles = new Map<string, string>();
  readonly #tests: Tested[] = [];
  #rule: string | null = null;
  #text: string | null = null;

  open(tag: Tag): void {
    const name = bare(tag.name);
    const parent = this.#path.at(-1);
    this.#path.push(name);
    if (this.#path.length > MOST_DEPTH) throw new Error('it is nested too deep');
    const { attributes: of } = tag;
    if (name === 'Rule') this.#rule = of['id'] ?? null;
    else if (name === 'TestResult') this.#tests.push(begun(of));
    else if (parent === 'TestResult') this.#within(name, of);
    const isResult = name === 'result' && parent === 'rule-result' && this.#path.at(-3) === 'TestResult';
    const isWanted = (name === 'title' && parent === 'Rule') || isResult;
    this.#text = isWanted ? '' : null;
  }

  #within(name: string, of: Record<string, string>): void {
    const test = this.#tests.at(-1)!;
    if (name === 'profile') test.profile = of['idref'] ?? null;
    else if (name === 'benchmark') test.benchmark = of['id'] ?? of['href'] ?? '';
    else if (name === 'rule-result') {
      if (test.rules.length >= MOST_RULES) throw new Error(`it has more than ${MOST_RULES} rules`);
      test.rules.push({ id: of['idref'] ?? '', severity: of['severity'] ?? '', result: '' });
    }
  }

  text(piece: string): void {
    if (this.#text !== null && this.#text.length < 1000) this.#text += piece;
  }

  close(): void {
    const name = this.#path.pop();
    if (this.#text !== null && name === 'title' && this.#rule !== null) this.#titles.set(this.#rule, this.#text);
    if (this.#text !== null && name === 'result') this.#tests.at(-1)!.rules.at(-1)!.result = this.#text.trim();
    if (name === 'Rule') this.#rule = null;
    this.#text = null;
  }

  /** Of several evaluations the newest that fits the system; where none does, the newest. */
  report(): Report {
    const [first, ...others] = this.#tests
      .toSorted((a, b) => (a.endedAt < b.endedAt ? 1 : -1))
      .map((test) => this.#reportOf(test));
    if (!first) throw new Error('it has no results of an evaluation (XCCDF TestResult)');
    return first.about.fits ? first : (others.find(({ about }) => about.fits) ?? first);
  }

  #reportOf(test: Tested): Report {
    const rules = test.rules.flatMap(({ id, severity, result: told }) => {
      const result = RESULTS.get(told);
      const rule = shortId(id);
      if (rule === '' || result === undefined) return [];
      const title = short(this.#titles.get(id) ?? rule);
      return [{ rule, title, severity: SEVERITIES.find((one) => one === severity) ?? ('info' as const), result }];
    });
    return {
      about: {
        content: short(`${shortId(test.benchmark)} ${test.version}`),
        profile: test.profile === null ? null : shortId(test.profile),
        endedAt: test.endedAt,
        fits: rules.some(({ result }) => result !== 'not-applicable'),
      },
      rules,
    };
  }
}

/** `xccdf_org.ssgproject.content_rule_sshd_disable_root_login` → `sshd_disable_root_login` */
const shortId = (id: string): string => short(id.replace(/^xccdf_[^_]+_(?:rule|profile|benchmark)_/, ''), 200);

function begun(of: Record<string, string>): Tested {
  const ended = Date.parse(of['end-time'] ?? '');
  if (Number.isNaN(ended)) throw new Error('its evaluation has no end: it was broken off');
  return {
    benchmark: '',
    version: of['version'] ?? '',
    profile: null,
    endedAt: new Date(ended).toISOString(),
    rules: [],
  };
}
