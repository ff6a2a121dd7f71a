import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isAlias, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { AppError } from '../../../model/errors/index.ts';
import { Kit } from '../../../model/kit.ts';
import { canonicalBytes, sha256Hex } from '../../../platform/ledger/index.ts';
import { type CompiledKit, compileKit } from '../logic/kit/compile.ts';
import type { Problem } from '../logic/kit/templates.ts';
import { within } from './within.ts';

export const KITS_DIR = join(import.meta.dirname, '../../../../kits');
const LARGEST = 256 * 1024;
const DEEPEST = 12;
const LONGEST_WHY = 1000;

/** Every kit below the directory, in order of id. The first one that is wrong stops it, with file, line and column. */
export function loadKits(directory: string): CompiledKit[] {
  const kits = new Map<string, { file: string; compiled: CompiledKit }>();
  for (const name of readdirSync(directory).sort()) {
    const file = join(directory, name, 'kit.yaml');
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) continue;
    const shown = relative(directory, file);
    if (found.size > LARGEST)
      throw refused(shown, `a kit may have ${LARGEST} bytes at most, and this has ${found.size}`);
    const compiled = parseKit(readFileSync(file, 'utf8'), shown);
    const other = kits.get(compiled.kit.kit);
    if (other) throw new AppError('KIT_DUPLICATE', { kit: compiled.kit.kit, file: shown, other: other.file });
    kits.set(compiled.kit.kit, { file: shown, compiled });
  }
  return [...kits.values()].map(({ compiled }) => compiled).toSorted((a, b) => (a.kit.kit < b.kit.kit ? -1 : 1));
}

interface Place {
  line: number;
  column: number;
}

function refused(file: string, why: string, place: Place = { line: 1, column: 1 }): AppError {
  // It may quote what stands there, which is as long as somebody made it.
  const told = why.length > LONGEST_WHY ? `${why.slice(0, LONGEST_WHY).toWellFormed()}…` : why.replace(/\.$/, '');
  return new AppError('KIT_INVALID', { file, line: place.line, column: place.column, why: told });
}

/** One kit's text. Nothing of it is expanded or run before it has been checked. */
export function parseKit(text: string, file: string): CompiledKit {
  if (text.length > LARGEST) throw refused(file, `a kit may have ${LARGEST} characters at most`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    keepSourceTokens: true,
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    merge: false,
  });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) {
    const place = broken.linePos?.[0];
    const why = broken.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
    throw refused(file, why, place && { line: place.line, column: place.col });
  }
  refuseBombs(document, lines, file);
  const place = (path: Problem['path']): Place => placeOf(document, lines, path);
  const parsed = Kit.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    const at = path.length > 0 ? `\`${path.join('.')}\`: ` : '';
    throw refused(file, `${at}${issue.message}`, place(unknown === undefined ? path : [...path, unknown]));
  }
  const { compiled, problems } = compileKit(parsed.data, sha256Hex(canonicalBytes(parsed.data)));
  const problem = problems[0];
  if (problem) throw refused(file, `\`${problem.path.join('.')}\`: ${problem.why}`, placeIn(document, lines, problem));
  return compiled;
}

/** Aliases are how a few lines of YAML become gigabytes; a kit needs none. Half a character has no bytes that could be hashed. */
function refuseBombs(document: Document, lines: LineCounter, file: string): void {
  visit(document, {
    Node: (_, node, path) => {
      const offset = (node as { range?: [number, number, number] | null }).range?.[0] ?? 0;
      const { line, col } = lines.linePos(offset);
      if (isAlias(node)) throw refused(file, 'aliases (`*name`) are not allowed in kits', { line, column: col });
      if (isScalar(node) && typeof node.value === 'string' && !node.value.isWellFormed())
        throw refused(file, 'a text has half of a character (a lone surrogate) in it', { line, column: col });
      if (path.length > DEEPEST * 2) throw refused(file, 'it is nested too deeply', { line, column: col });
    },
  });
}

/** The very place in an expression, where it is known. */
function placeIn(document: Document, lines: LineCounter, { path, offset }: Problem): Place {
  const node: unknown = document.getIn(path, true);
  const exact = isScalar(node) && typeof offset === 'number' ? within(node, offset) : null;
  if (exact === null) return placeOf(document, lines, path);
  const { line, col } = lines.linePos(exact);
  return { line, column: col };
}

/** Where the node at the path begins, or the nearest one around it that there is. */
function placeOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): Place {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = (node as { range?: [number, number, number] | null } | undefined)?.range;
    if (!range) continue;
    const { line, col } = lines.linePos(range[0]);
    return { line, column: isScalar(node) ? col : Math.max(1, col) };
  }
  return { line: 1, column: 1 };
}
