/** Recorded cases as they lie in a kit. Pure. */
import { Document, isCollection, isMap, isSeq, parse, visit } from 'yaml';
import { type RecordedCase, RecordedCases } from '../../../../src/loop/audit/kit-tools/recorded.ts';

const HEAD = ' Of a machine in the lab, not for editing: kits/README.md says how it is recorded.';
/** Sections and the parts of an endpoint are blocks; an item of a list, or what has nothing but values, is one line. */
const BLOCKS: ReadonlySet<string> = new Set(['facts', 'endpoint', 'probe', 'tls']);

export function textOf(cases: readonly RecordedCase[]): string {
  const document = new Document({ cases }, { aliasDuplicateObjects: false });
  document.commentBefore = HEAD;
  visit(document, {
    // A text of several lines is one line, with its ends of lines written out.
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && scalar.value.includes('\n')) scalar.type = 'QUOTE_DOUBLE';
    },
    Pair: (_, pair) => {
      const key = String((pair.key as { value?: unknown }).value);
      const { value } = pair;
      if (key === 'cases' || BLOCKS.has(key) || !isCollection(value)) return;
      if (isMap(value) && value.items.some((item) => isCollection(item.value))) return;
      if (isSeq(value) && value.items.some((item) => isCollection(item))) {
        for (const item of value.items) if (isCollection(item)) item.flow = true;
        return;
      }
      value.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, singleQuote: true, doubleQuotedMinMultiLineLength: Infinity });
}

const readable = (text: string): RecordedCase[] => RecordedCases.parse(parse(text)).cases;

/** Days, and keys that are made anew each time. */
const meaning = (cases: readonly RecordedCase[]): string =>
  JSON.stringify(cases, (key, value: unknown) => (key === 'date' || (key === 'pem' && value !== '') ? '' : value));

/**
 * What a check's file holds once these were recorded of one trial: that trial's cases are replaced, unless they say what was
 * known, and those of others stay.
 */
export function merged(text: string | null, trial: string, recorded: readonly RecordedCase[]): string {
  const { cases } = RecordedCases.parse({ cases: recorded });
  const known = text === null ? [] : readable(text);
  const before = known.filter(({ from }) => from.trial === trial);
  if (text !== null && meaning(before) === meaning(cases)) return text;
  const others = known.filter(({ from }) => from.trial !== trial);
  const at = known.findIndex(({ from }) => from.trial === trial);
  return textOf(others.toSpliced(at < 0 ? others.length : at, 0, ...cases));
}
