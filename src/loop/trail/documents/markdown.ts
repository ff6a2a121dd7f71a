import type { Block, Inline, ProvenDocument } from './model.ts';

/** Markdown's own signs in data stay signs; a line break in a cell would end the row. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ')
    .replace(/[\\`*_[\]<>|~&]/g, '\\$&')
    .replace(/^(\s*\d*)([-+=#.)])/, '$1\\$2');
}
const e = escapeMarkdown;

/** A fence longer than any run of backticks inside; nothing in it needs escaping but the cell's own border. */
function codeSpan(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...clean.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1);
  const pad = longest > 0 ? ' ' : '';
  return `${fence}${pad}${clean}${pad}${fence}`;
}

export function toMarkdown(document: ProvenDocument): string {
  const { body, citations, checkpoint, verifierKey } = document;
  const parts = [
    `# ${e(body.label)}: ${e(body.title)}`,
    `**${e(body.status.text)}** ${e(body.lead)}`,
    ...body.sections.flatMap((section) => [`## ${e(section.title)}`, ...section.blocks.map(block)]),
    '## Proof',
    `This document is made of ${citations.length} entries of the trail and nothing else. Each is a leaf of the RFC 6962 tree whose head is signed here. The audit paths, and the exact bytes of every entry, are in the JSON form of this document and in \`lastember trail export\`.`,
    indented(checkpoint.text),
    'Verifier key:',
    indented(verifierKey),
    table(
      ['Entry', 'Type', 'When', 'Who', 'Leaf hash'],
      citations.map((c) => [`#${c.index}`, e(c.type), e(c.at), e(c.actor), codeSpan(c.leafHash)]),
    ),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const indented = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

function block(item: Block): string {
  switch (item.kind) {
    case 'text':
      return inline(item.text);
    case 'facts':
      return item.rows.map(([name, value]) => `- **${e(name)}:** ${inline(value)}`).join('\n');
    case 'list':
      return item.items.map((one) => `- ${inline(one)}`).join('\n');
    case 'table':
      return table(
        item.head,
        item.rows.map((row) => row.map(inline)),
      );
    case 'timeline':
      return item.items.map((one) => `- ${e(one.at)} ${inline(one.text)} (${e(one.who)})`).join('\n');
  }
}

function table(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const row = (items: readonly string[]): string => `| ${items.join(' | ')} |`;
  return [row(head.map(e)), row(head.map(() => '---')), ...cells.map(row)].join('\n');
}

function inline(item: Inline): string {
  if (typeof item === 'string') return e(item);
  if (Array.isArray(item)) return (item as readonly Inline[]).map(inline).join('');
  if ('cite' in item) return item.cite < 0 ? '' : `#${item.cite}`;
  const marked = item as { text: string; code?: true };
  if (marked.text === '') return '';
  return marked.code ? codeSpan(marked.text) : `**${e(marked.text.trim())}**`;
}
