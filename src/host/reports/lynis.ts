import { MOST_RULES, type Report, short } from './contract.ts';

const LINE = /^([A-Za-z0-9_-]+)(\[\])?=(.*)$/;
const TEST = /^[A-Z]{3,4}-\d{4}$/;

/**
 * Lynis' report: a test with a warning or a suggestion fails, one that ran and has none passes, one that was skipped is not
 * applicable. Throws an Error in plain words.
 */
export function readLynis(text: string): Report {
  const lists = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name, , value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const known = lists.get(name);
    if (known) known.push(value);
    else lists.set(name, [value]);
  }
  const one = (name: string): string => lists.get(name)?.at(-1) ?? '';
  if (one('lynis_version') === '') throw new Error('it is no report of Lynis: it names no version');
  if (one('finish') !== 'true') throw new Error('its audit did not come to its end');
  const rules = rulesOf(lists);
  if (rules.length > MOST_RULES) throw new Error(`it has more than ${MOST_RULES} tests`);
  return {
    about: {
      content: short(`Lynis ${one('lynis_version')}`),
      profile: null,
      endedAt: timeOf(one('report_datetime_end')),
      fits: rules.some(({ result }) => result !== 'not-applicable'),
    },
    rules,
  };
}

/** `2026-11-23 04:52:06`, by the host's clock, without a zone: taken for UTC. */
function timeOf(text: string): string {
  const time = Date.parse(`${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(time)) throw new Error('it does not say when its audit ended');
  return new Date(time).toISOString();
}

type Rule = Report['rules'][number];

function rulesOf(lists: ReadonlyMap<string, string[]>): Rule[] {
  const rules = new Map<string, Rule>();
  const tests = (name: string): string[] =>
    (lists.get(name) ?? []).flatMap((line) => line.split('|')).filter((id) => TEST.test(id));
  for (const rule of tests('tests_skipped'))
    rules.set(rule, { rule, title: rule, severity: 'info', result: 'not-applicable' });
  for (const rule of tests('tests_executed')) rules.set(rule, { rule, title: rule, severity: 'info', result: 'pass' });
  for (const [list, severity] of [
    ['suggestion', 'low'],
    ['warning', 'medium'],
  ] as const)
    for (const [rule, told] of Map.groupBy(lists.get(list) ?? [], (line) => line.split('|')[0]!))
      if (TEST.test(rule)) rules.set(rule, { rule, title: titleOf(told), severity, result: 'fail' });
  return [...rules.values()];
}

/** `ID|what is wrong|details|solution|`; one test may find several things. */
const titleOf = (lines: readonly string[]): string =>
  short(
    lines
      .map((line) => {
        const [, what = '', details = '-'] = line.split('|');
        return details === '-' || details === '' ? what : `${what} (${details})`;
      })
      .join('; '),
  );
