/** Free-form records (of entries, of outcomes): whoever wrote them may be another version, so nothing is taken for granted. */
export type Detail = Readonly<Record<string, unknown>>;

export function record(value: unknown): Detail {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Detail) : {};
}

export function records(value: unknown): Detail[] {
  return Array.isArray(value) ? value.map(record) : [];
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => text(item)) : [];
}

/** Any value in one short line. */
export function text(value: unknown, missing = ''): string {
  if (value === undefined || value === null) return missing;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const json = JSON.stringify(value);
  return json.length > 160 ? `${json.slice(0, 159)}…` : json;
}

/** `version: 1 → 2` for what differs; what stayed the same is left out. */
export function changes(before: unknown, after: unknown): string {
  const from = record(before);
  const to = record(after);
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys
    .filter((key) => JSON.stringify(from[key]) !== JSON.stringify(to[key]))
    .map((key) => `${key}: ${text(from[key], '–')} → ${text(to[key], '–')}`)
    .join('; ');
}
