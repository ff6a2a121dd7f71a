import { cut } from '../text.ts';

/**
 * One plain word at the top of a `snap.yaml` or of an assertion, both of which programs write: `key: word`, in quotes or
 * without. Null: it is not there, or is more than a word.
 */
export function wordOf(text: string, key: string): string | null {
  const line = text.split('\n').find((one) => one.startsWith(`${key}:`));
  const said = line?.slice(key.length + 1).trim() ?? '';
  return said === '' ? null : unquoted(said);
}

const LONGEST = 200;

function unquoted(said: string): string | null {
  if (said.startsWith("'")) {
    const inner = /^'((?:[^']|'')*)'\s*(?:#.*)?$/.exec(said)?.[1];
    return inner === undefined ? null : cut(inner.replaceAll("''", "'"), LONGEST);
  }
  if (said.startsWith('"')) {
    const inner = /^("(?:[^"\\]|\\.)*")\s*(?:#.*)?$/.exec(said)?.[1];
    return inner === undefined ? null : spelled(inner);
  }
  const plain = said.replace(/\s#.*$/, '').trim();
  return /^[|>&*!%@`[{]/.test(plain) || /^(?:null|~)$/i.test(plain) ? null : cut(plain, LONGEST);
}

function spelled(quoted: string): string | null {
  try {
    return cut(String(JSON.parse(quoted)), LONGEST);
  } catch {
    return null;
  }
}
