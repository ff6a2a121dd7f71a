import { record, type Detail } from '../../../model/detail.ts';
import { sha256Hex } from '../../../platform/ledger/index.ts';
import { when } from './detail.ts';

/** A document says what happened; the bulk of it (requests, certificates, whole lists) is in the entries that it names. */
const MOST = 12;
const LONG = 300;
const NOTHING = '–';

/** Any value as a person reads it: never JSON, and nothing is cut without saying so. */
export function plain(value: unknown): string {
  if (value === undefined || value === null) return NOTHING;
  if (typeof value === 'string') return plainText(value);
  if (typeof value !== 'object') return String(value as number | boolean);
  if (Array.isArray(value)) return listed(value);
  return Object.entries(record(value))
    .map(([key, item]) => `${key} ${plain(item)}`)
    .join(', ');
}

function plainText(text: string): string {
  const pem = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(text);
  if (pem) return `${pem[1]!.toLowerCase()} (SHA-256 ${shortHash(sha256Hex(text))})`;
  if (/^[0-9a-f]{64}$/.test(text)) return shortHash(text);
  if (text.length > LONG) return `${text.slice(0, LONG)}… (whole in the entry)`;
  return when(text);
}

const shortHash = (hash: string): string => `${hash.slice(0, 16)}…`;

function listed(items: readonly unknown[]): string {
  if (items.length === 0) return 'none';
  const shown = items.slice(0, MOST).map(plain);
  const more = items.length > MOST ? [`${items.length - MOST} more in the entry`] : [];
  return [...shown, ...more].join(items.some((item) => typeof item === 'object') ? '; ' : ', ');
}

const has = (value: unknown): boolean => value !== undefined && value !== null;

/** `version: 1 → 2` for what differs. What only stood there before was replaced; what is only there now is new. */
export function differences(before: unknown, after: unknown): string {
  const [from, to] = [record(before), record(after)];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys
    .filter((key) => JSON.stringify(from[key] ?? null) !== JSON.stringify(to[key] ?? null))
    .map((key) => `${key}: ${difference(from[key], to[key])}`)
    .join('; ');
}

function difference(from: unknown, to: unknown): string {
  if (has(from) && has(to)) return `${plain(from)} → ${plain(to)}`;
  return has(to) ? plain(to) : wasThere(from);
}

/** Steps say of a file what was there, and where a copy of it is kept. */
function wasThere(value: unknown): string {
  const file: Detail = record(value);
  if (typeof file['path'] !== 'string') return `was ${plain(value)}`;
  if (file['exists'] === false) return `${file['path']} is new`;
  const kept = typeof file['backup'] === 'string' ? `, the one before is kept as ${file['backup']}` : '';
  return `${file['path']} was replaced${kept}`;
}
