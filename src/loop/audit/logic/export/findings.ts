import type { Finding } from '../../../../model/finding.ts';
import { csvLine } from './csv.ts';

/** Column → what it holds; the names are those of the API. */
const COLUMNS: Readonly<Record<string, (one: Finding) => string | number | null>> = {
  id: (one) => one.id,
  host: (one) => one.hostName,
  hostId: (one) => one.hostId,
  endpoint: (one) => one.endpoint,
  kit: (one) => one.kit,
  kitVersion: (one) => one.kitVersion,
  check: (one) => one.check,
  component: (one) => one.component,
  advisories: (one) => one.advisories.join(' '),
  severity: (one) => one.severity,
  state: (one) => one.state,
  confidence: (one) => one.confidence,
  title: (one) => one.title,
  pending: (one) => one.pending,
  openedAt: (one) => one.openedAt,
  lastSeenAt: (one) => one.lastSeenAt,
  closedAt: (one) => one.closedAt,
  rekindledAt: (one) => one.rekindledAt,
  rekindleCause: (one) => one.rekindleCause,
  exceptionId: (one) => one.exceptionId,
  changeId: (one) => one.changeId,
};

export async function* findingsCsv(findings: AsyncIterable<Finding>): AsyncGenerator<string> {
  yield csvLine(Object.keys(COLUMNS));
  for await (const one of findings) yield csvLine(Object.values(COLUMNS).map((of) => of(one)));
}

/** One finding a line, whole, as the API has it. */
export async function* findingsJsonLines(findings: AsyncIterable<Finding>): AsyncGenerator<string> {
  for await (const one of findings) yield `${JSON.stringify(one)}\n`;
}
