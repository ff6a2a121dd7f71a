export interface LineChange {
  key: string;
  value: string;
  /** between key and value, as the file's format wants it */
  separator: string;
}

export interface LineRules {
  ignoreCase: boolean;
  /** lines from the first match on belong to a part that is left alone (sshd's Match blocks) */
  stopAt: RegExp | null;
  /** where a key goes that is not there yet */
  place: 'start' | 'end';
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Does this line set the key? Comments do not. */
export function setsKey(line: string, change: LineChange, ignoreCase: boolean): boolean {
  const separator = change.separator.trim();
  const boundary = separator === '' ? String.raw`(?:\s|$)` : String.raw`\s*${escape(separator)}`;
  const loose = ignoreCase && separator === '' ? String.raw`(?:\s|=|$)` : boundary;
  return new RegExp(String.raw`^\s*${escape(change.key)}${loose}`, ignoreCase ? 'i' : '').test(line);
}

/** The text with the key set once: its first line is replaced, further ones go, and where there is none it is added. */
export function setLine(text: string, change: LineChange, rules: LineRules): string {
  const wanted = `${change.key}${change.separator}${change.value}`;
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const stop = rules.stopAt === null ? -1 : lines.findIndex((line) => rules.stopAt!.test(line));
  const end = stop === -1 ? lines.length : stop;
  const head = lines.slice(0, end);
  const first = head.findIndex((line) => setsKey(line, change, rules.ignoreCase));
  const kept = head.filter((line, index) => index === first || !setsKey(line, change, rules.ignoreCase));
  if (first !== -1) kept[first] = wanted;
  else if (rules.place === 'start') kept.unshift(wanted);
  else kept.push(wanted);
  return `${[...kept, ...lines.slice(end)].join('\n')}\n`;
}
