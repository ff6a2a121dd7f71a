import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** One import from one file; paths are relative to the tree's root, packages keep their name. */
export interface Import {
  from: string;
  to: string;
  external: boolean;
  line: number;
}

export interface Violation {
  rule: string;
  from: string;
  to: string;
  line: number;
}

const LOOP = ['discovery', 'enrollment', 'audit', 'impact', 'change'] as const;
const IMPORT = /^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** Every import of every .ts/.tsx file below `root`/src. */
export function readImports(root: string): Import[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => join('src', name));
  return files.flatMap((file) => importsOf(root, file));
}

function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => {
    const target = (match[1] ?? match[2])!;
    const external = !target.startsWith('.');
    const to = external
      ? target
      : relative(root, resolve(root, dirname(file), target))
          .split(sep)
          .join('/');
    const line = text.slice(0, match.index).split('\n').length;
    return { from: file.split(sep).join('/'), to, external, line };
  });
}

/** The area a file belongs to: `model`, `host`, `loop/audit`, `console` … */
export function areaOf(path: string): string {
  const parts = path.split('/');
  if (parts[0] !== 'src') return parts[0]!;
  return parts[1] === 'loop' ? `loop/${parts[2]}` : parts[1]!;
}

const isTest = (path: string): boolean => /\.test\.tsx?$|\/testing(\.ts|\/)/.test(path);
const isLogic = (path: string): boolean => /^src\/(?:loop\/[a-z]+|scan)\/logic\//.test(path);

/** What people do with files of their own, without a server. */
const OFFLINE = ['src/loop/audit/kit-tools/', 'src/loop/trail/verify/'];

/** Which areas an area may import, besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  model: [],
  host: ['model'],
  // How one looks at a machine from outside: the same code on the server and in the agent.
  scan: ['model'],
  agent: ['host', 'model', 'scan'],
  // The program at a remote site: it enrols and talks as agents do, and looks as the server does.
  scanner: ['host', 'model', 'scan', 'agent'],
  platform: ['model'],
  client: ['model'],
  console: ['model', 'client'],
  // `demo`, `up`, `kit test` and `trail verify` run things on this machine; everything else the CLI does goes through the client.
  cli: ['model', 'client', 'server', 'agent', 'scanner', 'loop/audit', 'loop/trail'],
  server: ['model', 'host', 'agent', 'platform', 'client', ...LOOP.map((name) => `loop/${name}`), 'loop/trail'],
  'loop/trail': ['model', 'platform'],
};

function loopMayImport(area: string): readonly string[] {
  const index = LOOP.findIndex((name) => area === `loop/${name}`);
  const left = LOOP.slice(0, index).map((name) => `loop/${name}`);
  const host = area === 'loop/enrollment' || area === 'loop/change' ? ['host'] : [];
  const scan = area === 'loop/discovery' ? ['scan'] : [];
  return ['model', 'platform', ...host, ...scan, ...left];
}

function areaRule(item: Import): string | null {
  const from = areaOf(item.from);
  const to = areaOf(item.to);
  if (item.external || from === to || !item.to.startsWith('src/')) return null;
  // Stand-ins for tests may be shared by tests of any area.
  if (isTest(item.from) && isTest(item.to)) return null;
  const allowed = MAY_IMPORT[from] ?? (from.startsWith('loop/') ? loopMayImport(from) : []);
  return allowed.includes(to) ? null : `${from} may not import ${to}`;
}

function faceRule(item: Import): string | null {
  const from = areaOf(item.from);
  const to = areaOf(item.to);
  if (!to.startsWith('loop/') || from === to || isTest(item.from)) return null;
  if (isLogic(item.from) && isLogic(item.to)) return null;
  if (from === 'cli')
    return OFFLINE.some((path) => item.to.startsWith(path)) ? null : 'cli may import only what works offline';
  return /^src\/loop\/[a-z]+\/index\.ts$/.test(item.to) ? null : 'a loop folder is entered through its index.ts only';
}

function logicRule(item: Import): string | null {
  if (!isLogic(item.from) || isTest(item.from)) return null;
  if (item.external) return /^node:(?!crypto$|util$|buffer$)/.test(item.to) ? 'logic/ does no I/O' : null;
  return areaOf(item.to) === 'model' || isLogic(item.to) ? null : 'logic/ may import model and logic/ only';
}

function modelRule(item: Import): string | null {
  if (areaOf(item.from) !== 'model' || !item.external || isTest(item.from)) return null;
  return item.to === 'zod' ? null : 'model imports zod only';
}

function sideEffectRule(item: Import, text: string): string | null {
  return /^\s*import\s+['"]\./.test(text) && !item.to.endsWith('.css') ? 'no import for its side effect' : null;
}

function verifierRule(item: Import): string | null {
  if (!item.from.startsWith('src/loop/trail/verify/') || isTest(item.from) || item.external) return null;
  const shared = item.to.startsWith('src/model/') || item.to.startsWith('src/loop/trail/verify/');
  return shared ? null : 'the offline verifier shares formats, never writer code';
}

/** Everything that the import rules of the architecture forbid below `root`. */
export function violations(root: string): Violation[] {
  const imports = readImports(root);
  const found = imports.flatMap((item) => {
    const text = readFileSync(join(root, item.from), 'utf8').split('\n')[item.line - 1] ?? '';
    const rules = [
      areaRule(item),
      faceRule(item),
      logicRule(item),
      modelRule(item),
      verifierRule(item),
      sideEffectRule(item, text),
    ];
    return rules
      .filter((rule) => rule !== null)
      .map((rule) => ({ rule, from: item.from, to: item.to, line: item.line }));
  });
  return [...found, ...cycles(imports)];
}

/** Import cycles between files (type-only imports count: a cycle of types is still a cycle of understanding). */
function cycles(imports: Import[]): Violation[] {
  const graph = new Map<string, Import[]>();
  for (const item of imports) if (!item.external) graph.set(item.from, [...(graph.get(item.from) ?? []), item]);
  const state = new Map<string, 'open' | 'done'>();
  const found: Violation[] = [];
  const visit = (file: string): void => {
    state.set(file, 'open');
    for (const item of graph.get(file) ?? []) {
      const seen = state.get(item.to);
      if (seen === 'open') found.push({ rule: 'no cycles', from: item.from, to: item.to, line: item.line });
      else if (seen === undefined) visit(item.to);
    }
    state.set(file, 'done');
  };
  for (const file of graph.keys()) if (!state.has(file)) visit(file);
  return found;
}
