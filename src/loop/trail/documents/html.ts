import { when } from './detail.ts';
import type { Block, Citation, Inline, ProvenDocument, Section } from './model.ts';
import { STYLE } from './style.ts';

/** Everything that is not markup of ours goes through here. Direction overrides could make text read as another. */
export function escapeHtml(text: string): string {
  return text
    .replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, '\uFFFD')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
const e = escapeHtml;

/** One self-contained page: no scripts, nothing loaded from anywhere, readable in light and dark and on paper. */
export function toHtml(document: ProvenDocument): string {
  const { body } = document;
  const parts = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${e(body.label)}: ${e(body.title)}</title>`,
    `<style>${STYLE}</style></head><body><main>`,
    `<header><p class="label">${e(body.label)}</p><h1>${e(body.title)}</h1>`,
    `<p class="lead"><span class="badge ${body.status.tone}">${e(body.status.text)}</span> ${e(body.lead)}</p></header>`,
    ...body.sections.map(section),
    proof(document),
    '</main></body></html>',
  ];
  return `${parts.join('\n')}\n`;
}

function section({ title, blocks }: Section): string {
  return `<section><h2>${e(title)}</h2>\n${blocks.map(block).join('\n')}\n</section>`;
}

function block(item: Block): string {
  switch (item.kind) {
    case 'text':
      return `<p>${inline(item.text)}</p>`;
    case 'facts':
      return `<dl>${item.rows.map(([name, value]) => `<dt>${e(name)}</dt><dd>${inline(value)}</dd>`).join('')}</dl>`;
    case 'list':
      return `<ul>${item.items.map((one) => `<li>${inline(one)}</li>`).join('')}</ul>`;
    case 'table':
      return table(
        item.head,
        item.rows.map((row) => row.map(inline)),
      );
    case 'timeline':
      return `<ol class="timeline">${item.items
        .map(
          (one) => `<li><time>${e(one.at)}</time> <span>${inline(one.text)}</span> <small>${e(one.who)}</small></li>`,
        )
        .join('\n')}</ol>`;
  }
}

/** `cells` is HTML already. */
function table(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const titles = head.map((title) => `<th scope="col">${e(title)}</th>`).join('');
  const rows = cells.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="wide" tabindex="0"><table><thead><tr>${titles}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function inline(item: Inline): string {
  if (typeof item === 'string') return e(item);
  if (Array.isArray(item)) return (item as readonly Inline[]).map(inline).join('');
  if ('cite' in item) return item.cite < 0 ? '' : `<a class="cite" href="#entry-${item.cite}">#${item.cite}</a>`;
  const marked = item as { text: string; code?: true; tone?: string };
  if (marked.text === '') return '';
  return marked.code ? `<code>${e(marked.text)}</code>` : `<b class="${marked.tone ?? 'quiet'}">${e(marked.text)}</b>`;
}

function proof({ citations, checkpoint, verifierKey }: ProvenDocument): string {
  return `<section class="proof"><h2>Proof</h2>
<p>This document is made of ${citations.length} entries of the trail and nothing else. Each is leaf <i>n</i> of the
RFC 6962 tree whose head is signed below; with the audit path, its SHA-256 leaf hash leads to the signed root. The exact
bytes of every entry are in the JSON form of this document and in <code>lastember trail export</code>.</p>
<h3>Checkpoint</h3><pre>${e(checkpoint.text)}</pre>
<h3>Verifier key</h3><pre>${e(verifierKey)}</pre>
<h3>Entries</h3>
${table(['Entry', 'Type', 'When', 'Who', 'Leaf hash and audit path'], citations.map(citationRow))}</section>`;
}

function citationRow(citation: Citation): string[] {
  const path = citation.path.length > 0 ? citation.path.join('\n') : 'the leaf is the root';
  const proof = `leaf hash\n${citation.leafHash}\naudit path\n${path}`;
  return [
    `<span id="entry-${citation.index}">#${citation.index}</span>`,
    e(citation.type),
    e(when(citation.at)),
    e(citation.actor),
    `<details><summary><code>${e(citation.leafHash.slice(0, 16))}…</code></summary><pre>${e(proof)}</pre></details>`,
  ];
}
