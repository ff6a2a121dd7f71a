import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Facts, type SectionName } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { collectFacts } from './collect.ts';

const trees: string[] = [];
after(() => trees.forEach((tree) => fs.rmSync(tree, { recursive: true, force: true })));

/** A host's file tree from a list of files; `-> TARGET` is a link. Gone after the test file. */
export function tree(files: Record<string, string | Uint8Array> = {}): string {
  const root = fs.mkdtempSync(join(tmpdir(), 'lastember-facts-'));
  trees.push(root);
  for (const [path, content] of Object.entries(files)) put(root, path, content);
  return root;
}

export function put(root: string, path: string, content: string | Uint8Array): void {
  const at = join(root, path);
  fs.mkdirSync(join(at, '..'), { recursive: true });
  const link = typeof content === 'string' ? /^-> (\S+)$/.exec(content)?.[1] : undefined;
  if (link !== undefined) fs.symlinkSync(link, at);
  else fs.writeFileSync(at, content, { mode: String(content).startsWith('#!') ? 0o755 : 0o644 });
}

/** One section of a tree, in the shape of its schema; and the same at a second look. */
export async function data<N extends SectionName>(root: string, name: N): Promise<Facts[N]> {
  const [section] = await collectFacts(localHost({ root }), { names: [name] });
  assert.equal(section?.error, undefined);
  const [again] = await collectFacts(localHost({ root }), { names: [name] });
  assert.equal(again?.hash, section?.hash, 'an unchanged host has unchanged hashes');
  return Facts.shape[name].parse(section?.data) as Facts[N];
}

export async function failure(root: string, name: SectionName): Promise<string> {
  const [section] = await collectFacts(localHost({ root }), { names: [name] });
  return section?.error ?? '';
}
