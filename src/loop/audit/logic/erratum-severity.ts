import { Severity } from '../../../model/kit.ts';
import type { VulnerabilitySeverity } from '../../../model/vulnerability.ts';
import { severityOf } from './priority.ts';

/** What an advisory that is told of under a vulnerability says of how bad all that it mends is. */
export interface ErratumWord {
  erratum: string;
  urgency: string | null;
  /** what feeds say of each that it names, the vulnerability itself among them */
  named: readonly (string | null)[];
}

export interface HowBad {
  severity: VulnerabilitySeverity;
  /** whose word that is, where it is not what feeds say of the vulnerability itself */
  by: string | null;
}

/**
 * An advisory has the severity of the worst that it mends. What nobody assessed may be that one, and is as bad. What is
 * assessed stays what it is, unless nothing that the advisory names is as bad as it says: then nobody knows which of them is.
 */
export function howBad(own: VulnerabilitySeverity, words: readonly ErratumWord[]): HowBad {
  const counting = words.filter(
    ({ urgency, named }) => own === 'unknown' || isWorse(severityOf([urgency]), severityOf(named)),
  );
  return counting
    .toSorted((a, b) => (a.erratum < b.erratum ? -1 : 1))
    .reduce<HowBad>(
      (worst, { erratum, urgency }) => {
        const severity = severityOf([urgency]);
        return isWorse(severity, worst.severity) ? { severity, by: erratum } : worst;
      },
      { severity: own, by: null },
    );
}

const isWorse = (one: VulnerabilitySeverity, other: VulnerabilitySeverity): boolean => badness(one) < badness(other);
const BADNESS: readonly VulnerabilitySeverity[] = [...Severity.options, 'unknown'];
const badness = (one: VulnerabilitySeverity): number => BADNESS.indexOf(one);
