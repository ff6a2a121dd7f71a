import { AppError } from '../../../model/errors/index.ts';
import { splitCsv } from './csv.ts';

/** One line of a list of hosts that somebody already knows. `target`: an address or a name to be resolved. */
export interface ListedHost {
  line: number;
  target: string;
  name: string | null;
  owner: string | null;
  tags: Record<string, string>;
}

const TAG = /^[a-z0-9_.-]{1,40}$/;
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i;

/** Reads one address or name a line, CSV with a header that has `address` or `name`, or JSON lines. `#` starts a comment. */
export function parseHostList(text: string): ListedHost[] {
  const lines = text.split(/\r?\n/).map((content, index) => ({ content: content.trim(), line: index + 1 }));
  const full = lines.filter(({ content }) => content !== '' && !content.startsWith('#'));
  const first = full[0];
  if (!first) return [];
  if (first.content.startsWith('{')) return full.map(({ content, line }) => fromRecord(jsonLine(content, line), line));
  const header = splitCsv(first.content).map((cell) => cell.toLowerCase());
  if (header.includes('address') || header.includes('name')) {
    return full.slice(1).map(({ content, line }) => {
      const cells = splitCsv(content);
      return fromRecord(Object.fromEntries(header.map((column, i) => [column, cells[i] ?? ''])), line);
    });
  }
  return full.map(({ content, line }) => {
    const [target = '', ...rest] = content.split(/[\s,;]+/);
    return fromRecord({ address: target, ...(rest[0] ? { name: rest[0] } : {}) }, line);
  });
}

function jsonLine(content: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new AppError('IMPORT_INVALID', { line, why: 'it is not JSON like the first line' }, { cause });
  }
  throw new AppError('IMPORT_INVALID', { line, why: 'it is not a JSON object' });
}

function fromRecord(record: Record<string, unknown>, line: number): ListedHost {
  const { address, name, owner, tags, ...others } = record;
  const text = (value: unknown): string | null =>
    typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  const target = text(address) ?? text(name);
  if (!target) throw new AppError('IMPORT_INVALID', { line, why: 'it has neither an address nor a name' });
  if (!/^[0-9a-f:.]+$/i.test(target) && !NAME.test(target)) {
    throw new AppError('IMPORT_INVALID', { line, why: `"${target.slice(0, 80)}" is neither an address nor a name` });
  }
  const listed = text(name);
  return {
    line,
    target,
    name: listed && NAME.test(listed) ? listed : null,
    owner: text(owner),
    tags: tagsOf({ ...others, ...asRecord(tags) }),
  };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** Every other column is a tag. */
function tagsOf(values: Record<string, unknown>): Record<string, string> {
  const pairs = Object.entries(values).flatMap(([key, value]) => {
    const tag = key.toLowerCase().replaceAll(' ', '_');
    return TAG.test(tag) && typeof value === 'string' && value !== '' ? [[tag, value.slice(0, 120)] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** RFC 4180 within one line. */
