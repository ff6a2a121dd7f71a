import type { Finding } from '../../../../model/finding.ts';
import type { PriorityFactor } from '../../../../model/vulnerability.ts';
import { csvLine } from './csv.ts';

/** A finding as it leaves: with what depends on others. */
export interface ExportedFinding extends Finding {
  /** null: it is not accepted */
  exceptedUntil: string | null;
  /** of the most urgent vulnerability that it is about; null: feeds list none of them */
  priority: number | null;
  factors: readonly PriorityFactor[];
}

/** Column → what it holds; the names are those of the API. */
const COLUMNS: Readonly<Record<string, (one: ExportedFinding) => string | number | null>> = {
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
  closeReason: (one) => one.closeReason ?? null,
  rekindledAt: (one) => one.rekindledAt,
  rekindleCause: (one) => one.rekindleCause,
  dueAt: (one) => one.dueAt ?? null,
  exceptionId: (one) => one.exceptionId,
  exceptedUntil: (one) => one.exceptedUntil,
  changeId: (one) => one.changeId,
  priority: (one) => one.priority,
  factors: (one) => one.factors.map(({ name, times, why }) => `${name} ×${times}: ${why}`).join('; ') || null,
};

export async function* findingsCsv(findings: AsyncIterable<ExportedFinding>): AsyncGenerator<string> {
  yield csvLine(Object.keys(COLUMNS));
  for await (const one of findings) yield csvLine(Object.values(COLUMNS).map((of) => of(one)));
}

/** One finding a line, whole, as the API has it, with what depends on others. */
export async function* findingsJsonLines(findings: AsyncIterable<ExportedFinding>): AsyncGenerator<string> {
  for await (const one of findings) yield `${JSON.stringify(one)}\n`;
}
