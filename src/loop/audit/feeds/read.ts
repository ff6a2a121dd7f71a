import { createHash } from 'node:crypto';
import { Signal, Statement } from '../../../model/statement.ts';
import { jsonText } from '../../../platform/db/json-text.ts';
import type { FeedKind } from '../../../model/feed.ts';
import { merged } from '../logic/advisories/accept.ts';
import type { FeedContent, FeedSettings } from './contract.ts';
import { FEEDS } from './registry.ts';

/** A statement as it is written down: its content is text already, so that whoever writes it has little to do. */
export interface StatementRow {
  key: string;
  digest: string;
  ecosystem: string;
  name: string;
  ids: string[];
  body: string;
}

export interface SignalRow {
  cve: string;
  digest: string;
  kind: Signal['kind'];
  body: string;
}

export interface ReadFeed {
  /** of the file */
  digest: string;
  /** when it was made, by itself; ISO 8601 */
  time: string | null;
  skipped: string[];
  statements: StatementRow[];
  signals: SignalRow[];
}

export interface ToRead {
  kind: FeedKind;
  settings: FeedSettings;
  /** ISO 8601; nothing is newer */
  now: string;
}

const SKIPPED_TOLD = 20;
const hashOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** All that takes time about a file: unpacked, read, checked, joined, hashed. Throws an Error in plain words. */
export function readFeed({ kind, settings, now }: ToRead, bytes: Uint8Array): ReadFeed {
  const content = checked(FEEDS[kind].parse(bytes, settings, new Date(now)));
  return {
    digest: hashOf(bytes),
    time: content.time,
    skipped: content.skipped?.slice(0, SKIPPED_TOLD) ?? [],
    statements: [...merged(content.statements)].map(([key, body]) => ({
      key,
      digest: hashOf(JSON.stringify(body)),
      ecosystem: body.ecosystem,
      name: body.name,
      ids: [body.id, ...body.aliases].map((id) => id.toUpperCase()),
      body: jsonText(body),
    })),
    signals: [...new Map(content.signals.map((one) => [one.cve, one])).values()].map((body) => ({
      cve: body.cve,
      digest: hashOf(JSON.stringify(body)),
      kind: body.kind,
      body: jsonText(body),
    })),
  };
}

/** Whatever a reader made of it: no text is longer and no list larger than the model says. */
function checked(content: FeedContent): FeedContent {
  for (const one of content.signals) {
    const issue = Signal.safeParse(one).error?.issues[0];
    if (issue) throw new Error(`${one.cve.slice(0, 60)}: ${issue.path.join('.')}: ${issue.message}`);
  }
  for (const one of content.statements) {
    const { error } = Statement.safeParse(one);
    const issue = error?.issues[0];
    if (issue) throw new Error(`${one.id.slice(0, 60)}: ${issue.path.join('.')}: ${issue.message}`);
  }
  return content;
}
