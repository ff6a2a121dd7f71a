export interface Fact {
  /** `served.spki`, `processes[0].pid` */
  name: string;
  value: string;
}

type Json = unknown;

/** Any JSON as a flat list of names and values; what is nested keeps the way to it in its name. */
export function factsOf(value: Json): Fact[] {
  if (Array.isArray(value) && !value.every(isPlain)) {
    return value.flatMap((item: Json, index) => within(`[${index}]`, item));
  }
  if (isRecord(value)) return Object.entries(value).flatMap(([key, item]) => within(key, item));
  return [{ name: '', value: inWords(value) }];
}

function within(name: string, value: Json): Fact[] {
  if (isEmpty(value)) return [{ name, value: 'none' }];
  return factsOf(value).map((fact) => ({ name: join(name, fact.name), value: fact.value }));
}

const join = (outer: string, inner: string): string =>
  inner === '' || inner.startsWith('[') ? `${outer}${inner}` : `${outer}.${inner}`;

const isRecord = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: Json): boolean => typeof value !== 'object' || value === null;
const isEmpty = (value: Json): boolean =>
  Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;

function inWords(value: Json): string {
  if (Array.isArray(value)) return value.map(inWords).join(', ');
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value) || 'empty';
}
