import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Step } from './kit.ts';
import { contentOf, stepInWords } from './step-words.ts';

/** One field of a kind of step, as far as its schema tells of it. */
interface Field {
  _zod: { def: { type: string; innerType?: Field; element?: Field; values?: unknown[]; entries?: object } };
  safeParse(value: unknown): { success: boolean };
}

/** A text of this field that stands nowhere else; or a value of another type, whose words are chosen from a list. */
function valueOf(field: Field, name: string): { value: unknown; marks: string[] } {
  const { type, innerType, element, values, entries } = field._zod.def;
  if (innerType) return valueOf(innerType, name);
  if (type === 'array') {
    const { value, marks } = valueOf(element!, name);
    return { value: [value], marks };
  }
  if (type === 'literal') return { value: values![0], marks: [] };
  if (type === 'enum') return { value: Object.values(entries!)[0], marks: [] };
  if (type === 'boolean') return { value: true, marks: [] };
  if (type === 'number') return { value: 443, marks: [] };
  const mark = `the${name.toLowerCase()}`;
  const tries = [mark, mark.slice(0, 4), `${mark}=1.0`, '0751'];
  const value = tries.find((one) => field.safeParse(one).success);
  assert.ok(value, `${name} takes none of ${tries.join(', ')}`);
  return { value, marks: [value.replace('=1.0', '')] };
}

for (const option of Step.options) {
  const kind = option.shape.kind.value;
  test(`whoever signs sees every text of a step: ${kind}`, () => {
    const fields = Object.entries(option.shape as unknown as Record<string, Field>).filter(([name]) => name !== 'kind');
    const found = fields.map(([name, field]) => [name, valueOf(field, name)] as const);
    const step = Step.parse({ kind, ...Object.fromEntries(found.map(([name, { value }]) => [name, value])) });
    const shown = `${stepInWords(step)}\n${contentOf(step) ?? ''}`;
    for (const [name, { marks }] of found)
      for (const mark of marks) assert.ok(shown.includes(mark), `${name} is not in: ${shown}`);
  });
}

test('a script and a section are shown as they stand, and nothing in them can hide the rest', () => {
  const script = 'id\n\tcurl x | sh\r\u001b[8mhidden\u202e\u200b\u{e0041}\n';
  const shown = 'id\n\tcurl x | sh\\u{d}\\u{1b}[8mhidden\\u{202e}\\u{200b}\\u{e0041}\n';
  assert.equal(contentOf(Step.parse({ kind: 'run-script', script })), shown);
  assert.equal(contentOf(Step.parse({ kind: 'set-file-section', path: '/a', name: 'b', content: script })), shown);
  assert.equal(contentOf(Step.parse({ kind: 'write-file', path: '/a', mode: '0644', content: script })), shown);
  assert.equal(contentOf(Step.parse({ kind: 'set-file-section', path: '/a', name: 'b', content: '' })), null);
  assert.equal(
    stepInWords(Step.parse({ kind: 'set-file-line', path: '/a', key: 'b', separator: '=1\nc=', value: '2\n3' })),
    'in /a set b to 2\\u{a}3, written as "b=1\\nc=2\\n3"',
  );
});
