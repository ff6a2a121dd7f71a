import { ExportLine, type TrailVerdict } from '../../../model/trail.ts';
import { Claims, labelOf } from './claims.ts';
import { History } from './history.ts';
import { parseVerifierKey } from './note.ts';

export interface VerifyOptions {
  /** verifier key line that was pinned elsewhere; without it the file's own is taken, and the verdict says so */
  key?: string;
  /** checkpoints that a witness, an agent or an earlier check kept */
  remembered?: readonly string[];
}

/**
 * The offline verifier: recomputes everything from an exported trail and says what was done to which entry. It shares
 * formats (src/model) with the writer, never code, and needs no server.
 */
export async function verifyTrail(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions = {},
): Promise<TrailVerdict> {
  const problems: string[] = [];
  const notes: string[] = [];
  const claims = new Claims();
  let history: History | null = null;
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text === '') continue;
    const line = parseLine(text);
    if (!line) problems.push(`line ${number} is no part of a trail export`);
    history ??= begin(line?.kind === 'header' ? line.verifierKey : '', options, problems, notes);
    if (line) take(line, history, claims);
  }
  history ??= begin('', options, problems, notes);
  history.end();
  const damage = history.problems;
  problems.push(...damage, ...claims.problems(damage.length > 0));
  if (claims.observed > 0) notes.push(observedNote(claims.observed, claims.unsigned));
  return {
    verified: problems.length === 0,
    size: history.size,
    root: history.root(),
    problems,
    notes,
    checked: {
      entries: history.entries,
      checkpoints: history.checkpoints,
      plans: claims.plans,
      approvals: claims.approvals,
      outcomes: claims.outcomes,
      observed: claims.observed,
    },
  };
}

const MOST_NAMED = 20;

/** True as far as the server is: nobody can tell from the trail whether the host agrees. */
function observedNote(steps: number, hosts: ReadonlySet<string>): string {
  const names = [...hosts].sort();
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  const which = `${names.slice(0, MOST_NAMED).join(', ')}${more}`;
  return `${steps} step(s) were carried out over SSH on hosts without an agent (${which}): observed by the server, signed by no host`;
}

function take(line: ExportLine, history: History, claims: Claims): void {
  if (line.kind === 'checkpoint') history.checkpoint(line.text, line.leaves);
  if (line.kind !== 'entry') return;
  const entry = claims.read(line.index, line.text);
  history.entry(line.index, line.text, entry ? labelOf(entry) : 'unreadable');
}

function begin(stated: string, options: VerifyOptions, problems: string[], notes: string[]): History {
  const line = options.key ?? stated;
  const key = parseVerifierKey(line);
  if (!key) problems.push(line === '' ? 'the file names no verifier key' : `"${line}" is no verifier key`);
  if (options.key === undefined) {
    notes.push('the key was taken from the file itself: pin it (--key) to detect a trail that was signed anew');
  } else if (stated !== '' && stated !== options.key.trim()) {
    problems.push(`the file is signed with another key than the pinned one: it says ${stated}`);
  }
  if ((options.remembered ?? []).length === 0) {
    notes.push('no remembered checkpoint was given: entries cut off at the end cannot be noticed');
  }
  return new History(key, options.remembered ?? []);
}

function parseLine(text: string): ExportLine | null {
  try {
    const line = ExportLine.safeParse(JSON.parse(text));
    return line.success ? line.data : null;
  } catch {
    return null;
  }
}

/** Splits what a file or an HTTP reply delivers into lines. */
export async function* splitLines(chunks: AsyncIterable<string | Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n');
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== '') yield rest;
}

/** Checkpoints as a witness file holds them, one after the other. */
export function splitCheckpoints(text: string): string[] {
  return text.split(/(?<=\n\n(?:\u2014 [^\n]+\n)+)(?!\u2014 )/u).filter((part) => part.trim() !== '');
}
