import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** One stanza of a Debian control file: field → value. */
export type Stanza = Map<string, string>;

export function parseStanzas(text: string): Stanza[] {
  return text
    .split(/\n\s*\n/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const stanza: Stanza = new Map();
      let field = '';
      for (const line of block.split('\n').filter(Boolean)) {
        const match = /^([^\s:]+):\s*(.*)$/.exec(line);
        if (match) stanza.set((field = match[1]!), match[2]!);
        else stanza.set(field, `${stanza.get(field) ?? ''}\n${line}`);
      }
      return stanza;
    });
}

export function formatStanzas(stanzas: Stanza[]): string {
  return stanzas
    .map((stanza) => `${[...stanza].map(([field, value]) => `${field}: ${value}`).join('\n')}\n`)
    .join('\n');
}

/** Complete or not at all, as dpkg writes its own files. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}-new`, text);
  renameSync(`${path}-new`, path);
}

export function readStanzas(path: string): Stanza[] {
  try {
    return parseStanzas(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}

/** Debian policy 5.6.12: negative when a is older than b. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  return (
    left.epoch - right.epoch || compareText(left.upstream, right.upstream) || compareText(left.revision, right.revision)
  );
}

function parts(version: string): { epoch: number; upstream: string; revision: string } {
  const match = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(version)!;
  return { epoch: Number(match[1] ?? 0), upstream: match[2] ?? '', revision: match[3] ?? '0' };
}

/** Runs of non-digits and digits in turn; `~` sorts before everything, even the end; letters before other signs. */
function compareText(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [x = '', y = ''] = [left[at], right[at]];
    const order = at % 2 ? Number(x || 0) - Number(y || 0) : compareSigns(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

const split = (text: string): string[] => text.split(/(\d+)/);

function compareSigns(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const order = weight(a[at]) - weight(b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(sign: string | undefined): number {
  if (sign === undefined) return 0;
  if (sign === '~') return -1;
  return /[a-zA-Z]/.test(sign) ? sign.charCodeAt(0) : sign.charCodeAt(0) + 256;
}
