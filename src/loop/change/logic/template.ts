import { isCelError, run } from '@bufbuild/cel';
import { type StepTemplate, Step } from '../../../model/kit.ts';

type Value = string | number | boolean | null | readonly string[];
type Named = Readonly<Record<string, Value>>;

/** Everything that a kit's template may name. What the listener does not have is null; names that are not here are typos. */
export interface Names {
  host: { id: string; name: string; bootId: string | null };
  finding: { check: string | null; component: string | null; evidence: Readonly<Record<string, unknown>> };
  package: { name: string | null; version: string | null; candidate: string | null };
  service: {
    name: string | null;
    certificate: string | null;
    privateKey: string | null;
    sessionSecret: string | null;
  };
  endpoint: { address: string | null; port: number | null };
  certificate: {
    spki: string | null;
    serial: string | null;
    names: readonly string[] | null;
    crlUrl: string | null;
  };
  authority: { name: string | null; issuerSpki: string | null };
}

/** The kit itself is wrong: a template names something that is not there at all, or makes no valid step. */
export class TemplateError extends Error {}

export type Resolved = { step: Step } | { missing: string } | 'left-out';

/** One template for one listener: a step, or which name had no value, or left out by its own `if`. */
export function resolveTemplate(template: StepTemplate, names: Names): Resolved {
  const { if: condition, ...rest } = template;
  if (condition !== undefined && !holds(condition, names)) return 'left-out';
  const filled: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(rest)) {
    const value = Array.isArray(raw)
      ? fillAll(raw, names)
      : typeof raw === 'string'
        ? fill(raw, names)
        : { value: raw };
    if ('missing' in value) return value;
    filled[key] = value.value;
  }
  const step = Step.safeParse(filled);
  if (step.success) return { step: step.data };
  throw new TemplateError(
    `step ${template.kind}: ${step.error.issues[0]?.path.join('.')} ${step.error.issues[0]?.message}`,
  );
}

type Filled = { value: unknown } | { missing: string };

function fillAll(texts: readonly string[], names: Names): Filled {
  const values: unknown[] = [];
  for (const text of texts) {
    const filled = fill(text, names);
    if ('missing' in filled) return filled;
    values.push(filled.value);
  }
  return { value: values.flat() };
}

const WHOLE = /^\$\{\s*([\w.-]+)\s*\}$/;
const INSIDE = /\$\{\s*([\w.-]+)\s*\}/g;

function fill(text: string, names: Names): Filled {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) {
    const value = lookUp(whole, names);
    return value === null || value === '' ? { missing: whole } : { value };
  }
  let missing: string | null = null;
  const value = text.replace(INSIDE, (_, path: string) => {
    const found = lookUp(path, names);
    if (found === null) missing = path;
    return Array.isArray(found) ? found.join(',') : String(found);
  });
  if (value.includes('${')) throw new TemplateError(`"${text}" has a reference that cannot be read`);
  return missing === null ? { value } : { missing };
}

function lookUp(path: string, names: Names): unknown {
  const [group = '', ...keys] = path.split('.');
  if (!Object.hasOwn(names, group) || keys.length === 0) throw new TemplateError(`there is no \${${path}}`);
  let value: unknown = names[group as keyof Names];
  for (const [depth, key] of keys.entries()) {
    if (value === null || typeof value !== 'object') throw new TemplateError(`there is no \${${path}}`);
    // Evidence is whatever a check wrote down: what is not in it is missing, not misspelt.
    const free = group === 'finding' && keys[0] === 'evidence' && depth > 0;
    if (!Object.hasOwn(value, key) && !free) throw new TemplateError(`there is no \${${path}}`);
    value = (value as Record<string, unknown>)[key] ?? null;
  }
  return value;
}

function holds(condition: string, names: Names): boolean {
  const bindings = Object.fromEntries(Object.entries(names).map(([key, value]) => [key, toCel(value)]));
  const result = evaluate(condition, bindings);
  if (typeof result !== 'boolean') throw new TemplateError(`\`if: ${condition}\` is neither true nor false`);
  return result;
}

type CelBindings = NonNullable<Parameters<typeof run>[1]>;

function evaluate(condition: string, bindings: Record<string, unknown>): unknown {
  try {
    const result = run(condition, bindings as CelBindings);
    if (!isCelError(result)) return result;
    throw new TemplateError(`\`if: ${condition}\` cannot be evaluated: ${result.message}`);
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    throw new TemplateError(`\`if: ${condition}\` cannot be read: ${(error as Error).message}`);
  }
}

function toCel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCel);
  if (value === null || typeof value !== 'object') return value ?? null;
  return new Map(Object.entries(value as Named).map(([key, inner]) => [key, toCel(inner)]));
}
