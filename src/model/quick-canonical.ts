/** Deeper than any fact, plan or entry; what goes in circles is deeper still. */
const DEEPEST = 64;
const UNSURE = Symbol('not plain JSON');

/**
 * RFC 8785 text of plain JSON, many times as fast as going through it piece by piece: keys in order, then the engine's own
 * JSON, whose numbers and strings are those of the RFC. null: this cannot tell, ask the library (keys that look like
 * indexes, which objects keep first; halves of surrogate pairs; whatever is no plain JSON).
 */
export function quickCanonical(value: unknown): string | null {
  const ordered = inOrder(value, DEEPEST);
  if (ordered === UNSURE) return null;
  const text = JSON.stringify(ordered);
  return /\\ud[89a-f]/.test(text) ? null : text;
}

function inOrder(value: unknown, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : UNSURE;
  if (typeof value !== 'object' || depth === 0) return UNSURE;
  return Array.isArray(value) ? itemsInOrder(value, depth) : membersInOrder(value as Record<string, unknown>, depth);
}

function itemsInOrder(items: readonly unknown[], depth: number): unknown {
  if ('toJSON' in items) return UNSURE;
  const ordered: unknown[] = [];
  for (const item of items) {
    const one = inOrder(item, depth - 1);
    if (one === UNSURE) return UNSURE;
    ordered.push(one);
  }
  return ordered;
}

function membersInOrder(members: Readonly<Record<string, unknown>>, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(members);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in members) return UNSURE;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(members).sort()) {
    if (members[key] === undefined) continue;
    const first = key.charCodeAt(0);
    if ((first >= 48 && first <= 57) || key === '__proto__') return UNSURE;
    const one = inOrder(members[key], depth - 1);
    if (one === UNSURE) return UNSURE;
    ordered[key] = one;
  }
  return ordered;
}
