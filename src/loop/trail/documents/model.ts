import type { DocumentKind, SequencedEntry } from '../../../model/trail.ts';

/** What a document says, before it has a format. Every text in it is data: formats escape all of it. */
export type Tone = 'good' | 'bad' | 'warn' | 'quiet';
export type Inline = string | { text: string; code?: true; tone?: Tone } | { cite: number } | readonly Inline[];

export type Block =
  | { kind: 'text'; text: Inline }
  | { kind: 'facts'; rows: readonly (readonly [string, Inline])[] }
  | { kind: 'list'; items: readonly Inline[] }
  | { kind: 'table'; head: readonly string[]; rows: readonly (readonly Inline[])[] }
  | { kind: 'timeline'; items: readonly { at: string; text: Inline; who: string }[] };

export interface Section {
  title: string;
  blocks: readonly Block[];
}

export interface DocumentBody {
  kind: DocumentKind;
  id: string;
  /** "Change record" */
  label: string;
  title: string;
  status: { text: string; tone: Tone };
  /** what happened, in a sentence or two */
  lead: string;
  sections: readonly Section[];
}

/** A kind of document: which entries it is made of is read by `gather`, what it says is a pure function of them. */
export type Compose = (id: string, entries: readonly SequencedEntry[]) => DocumentBody;

/** An entry that the document rests on, with what proves that it is on the signed trail. */
export interface Citation {
  index: number;
  type: string;
  at: string;
  actor: string;
  leafHash: string;
  path: readonly string[];
  /** the exact text that was hashed */
  text: string;
}

export interface ProvenDocument {
  body: DocumentBody;
  citations: readonly Citation[];
  checkpoint: { text: string; size: number; root: string };
  verifierKey: string;
}

export const code = (text: string): Inline => ({ text, code: true });
export const tone = (text: string, how: Tone): Inline => ({ text, tone: how });
export const cite = (entry: SequencedEntry): Inline => ({ cite: entry.index ?? -1 });

/** Leaves out blocks and sections with nothing in them: a document does not say "none" ten times. */
export function sections(...all: readonly (Section | null)[]): Section[] {
  return all.flatMap((section) => {
    if (!section) return [];
    const blocks = section.blocks.filter((block) => !isEmpty(block));
    return blocks.length > 0 ? [{ ...section, blocks }] : [];
  });
}

function isEmpty(block: Block): boolean {
  if (block.kind === 'text') return block.text === '';
  return block.kind === 'table' || block.kind === 'facts' ? block.rows.length === 0 : block.items.length === 0;
}

/** Indexes of all entries that the document names. */
export function citedIndexes(body: DocumentBody): number[] {
  const found = new Set<number>();
  const walk = (inline: Inline): void => {
    if (typeof inline === 'string') return;
    if (Array.isArray(inline)) for (const part of inline as readonly Inline[]) walk(part);
    else if ('cite' in inline) found.add(inline.cite);
  };
  for (const block of body.sections.flatMap((section) => section.blocks)) {
    if (block.kind === 'text') walk(block.text);
    else if (block.kind === 'facts') for (const row of block.rows) walk(row[1]);
    else if (block.kind === 'table') for (const row of block.rows) walk(row);
    else if (block.kind === 'list') for (const item of block.items) walk(item);
    else for (const item of block.items) walk(item.text);
  }
  return [...found].filter((index) => index >= 0).toSorted((a, b) => a - b);
}
