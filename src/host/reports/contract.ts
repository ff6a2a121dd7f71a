import type { ReportFact, RuleFact } from '../../model/facts.ts';

/** What one file says, before it is known where it lies. */
export interface Report {
  about: Omit<ReportFact, 'path' | 'tool'>;
  rules: Omit<RuleFact, 'path' | 'tool'>[];
}

/** Rules of one file, at most; the largest published contents have some 1,500. */
export const MOST_RULES = 5000;

export const short = (text: string, most = 300): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
};
