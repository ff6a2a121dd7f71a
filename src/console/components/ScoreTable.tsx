import type { ReactNode } from 'react';
import type { Tally } from '../../model/compliance.ts';
import { DataTable, type Column } from './DataTable.tsx';

interface Scored {
  tally: Tally;
  score: number | null;
}

interface Props<T extends Scored> {
  items: readonly T[];
  /** what each row is about */
  title: string;
  name: (row: T) => ReactNode;
  keyOf: (row: T) => string;
  label: string;
}

/** Scores with what they are made of: what is not known and what is stale stands beside what passes, never in it. */
export function ScoreTable<T extends Scored>({ items, title, name, keyOf, label }: Props<T>) {
  const count = (heading: string, field: keyof Tally): Column<T> => ({
    title: heading,
    end: true,
    cell: ({ tally }) => (tally[field] === 0 ? '–' : tally[field]),
  });
  const columns: Column<T>[] = [
    { title, cell: name, min: 160 },
    { title: 'Score', end: true, cell: ({ score }) => percent(score) },
    count('Pass', 'pass'),
    count('Fail', 'fail'),
    count('Drifted', 'drifted'),
    count('Excepted', 'excepted'),
    count('Unknown', 'unknown'),
    count('Stale', 'stale'),
  ];
  return <DataTable items={items} columns={columns} keyOf={keyOf} minWidth={760} label={label} />;
}

export const percent = (score: number | null): string => (score === null ? '–' : `${score} %`);
