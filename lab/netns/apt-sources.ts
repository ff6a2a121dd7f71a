/** Reads the machine's own apt sources: the lab uses the same mirrors and keys, and knows none by itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Source {
  uri: string;
  suites: string[];
  components: string[];
  /** path of a keyring, when the entry names one */
  signedBy: string | null;
}

export function readSources(etcApt = '/etc/apt'): Source[] {
  const directory = join(etcApt, 'sources.list.d');
  const files = [join(etcApt, 'sources.list'), ...list(directory).map((name) => join(directory, name))];
  return files.flatMap((file) => {
    const text = read(file);
    if (file.endsWith('.sources')) return parseDeb822(text);
    return file.endsWith('.list') ? parseOneLine(text) : [];
  });
}

export function parseOneLine(text: string): Source[] {
  return text.split('\n').flatMap((raw) => {
    const line = raw.replace(/#.*/, '').trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(\S.*)$/.exec(line);
    if (!match) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1] ?? null;
    return [{ uri: bare(match[2]!), suites: [match[3]!], components: words(match[4]!), signedBy: path(signedBy) }];
  });
}

export function parseDeb822(text: string): Source[] {
  // A comment inside a paragraph does not end it, and an empty line inside a key is written as a dot.
  const paragraphs = text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/);
  return paragraphs.flatMap((paragraph) => {
    const fields = new Map<string, string>();
    let key = '';
    for (const line of paragraph.split('\n')) {
      const pair = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
      if (pair) fields.set((key = pair[1]!.toLowerCase()), pair[2]!);
      else if (/^\s/.test(line)) fields.set(key, `${fields.get(key) ?? ''}\n${line.trim()}`);
    }
    if (!words(fields.get('types')).includes('deb') || /^(no|false|0|off)$/i.test(fields.get('enabled') ?? ''))
      return [];
    const rest = {
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      signedBy: path(fields.get('signed-by') ?? null),
    };
    return words(fields.get('uris')).map((uri) => ({ uri: bare(uri), ...rest }));
  });
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter(Boolean);
const bare = (uri: string): string => uri.replace(/\/+$/, '');
/** A key may be written into the entry itself, or be given as a fingerprint; apt's own trusted keys then serve. */
const path = (signedBy: string | null): string | null => (signedBy?.startsWith('/') ? words(signedBy)[0]! : null);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
