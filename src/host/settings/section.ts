export interface Section {
  name: string;
  /** empty: the section goes */
  content: string;
  /** what begins a comment in this file */
  comment: string;
}

const markOf = ({ name, comment }: Section, which: 'BEGIN' | 'END'): string => `${comment} ${which} lastember ${name}`;

/**
 * The text with the section in it exactly once and with this content; where it stands it stays, else it goes to `place`. A
 * beginning without an end (somebody edited it) is taken for that one line: nothing below it is lost.
 */
export function setSection(text: string, section: Section, place: 'start' | 'end'): string {
  const [begin, end] = [markOf(section, 'BEGIN'), markOf(section, 'END')];
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const kept: string[] = [];
  let at: number | null = null;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!.trimEnd();
    if (line === begin) {
      at ??= kept.length;
      index = lastOf(lines, index, begin, end);
    } else if (line !== end) kept.push(lines[index]!);
  }
  if (section.content === '') return kept.map((line) => `${line}\n`).join('');
  const block = [begin, ...section.content.replace(/\n$/, '').split('\n'), end];
  kept.splice(at ?? (place === 'start' ? 0 : kept.length), 0, ...block);
  return `${kept.join('\n')}\n`;
}

/** Where the section that begins here ends; here, when another begins first or none ends. */
function lastOf(lines: readonly string[], from: number, begin: string, end: string): number {
  const next = lines.findIndex((line, index) => index > from && [begin, end].includes(line.trimEnd()));
  return next !== -1 && lines[next]!.trimEnd() === end ? next : from;
}
