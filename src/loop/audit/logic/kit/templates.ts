import type { z } from 'zod';
import { Step, type StepTemplate, TEMPLATE_NAMES } from '../../../../model/kit.ts';
import { compile } from './expression.ts';
import { ANY, type Shape } from './shape.ts';
import { ExpressionError, type Scope } from './walk.ts';

/** Something wrong in a kit, and where. */
export interface Problem {
  path: (string | number)[];
  why: string;
  /** within the text at the path */
  offset?: number | null;
}

const REFERENCE = /\$\{([^}]*)\}/g;

/** Arguments that the step kind has not, that it lacks, whose value is none, or that name what templates cannot name. */
export function checkStep(step: StepTemplate, path: Problem['path']): Problem[] {
  const { kind, if: condition, ...given } = step;
  const shape = Step.options.find((option) => option.shape.kind.value === kind)!.shape as Record<string, z.ZodType>;
  const problems: Problem[] = [];
  for (const [name, schema] of Object.entries(shape)) {
    if (name === 'kind' || Object.hasOwn(given, name) || schema.safeParse(undefined).success) continue;
    problems.push({ path, why: `the step ${kind} lacks \`${name}\`` });
  }
  for (const [name, value] of Object.entries(given)) {
    const at = [...path, name];
    if (!Object.hasOwn(shape, name)) {
      const known = Object.keys(shape).filter((key) => key !== 'kind');
      problems.push({ path: at, why: `the step ${kind} has no argument \`${name}\`; it has ${known.join(', ')}` });
      continue;
    }
    const texts = [value].flat().filter((text) => typeof text === 'string');
    const found = texts.flatMap((text) => checkText(text, at));
    problems.push(...found);
    if (found.length === 0 && !texts.some((text) => text.includes('${')))
      problems.push(...checkValue(shape[name]!, value, at));
  }
  if (condition !== undefined) problems.push(...checkCondition(condition, [...path, 'if']));
  return problems;
}

function checkValue(schema: z.ZodType, value: unknown, path: Problem['path']): Problem[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : [{ path, why: parsed.error.issues[0]!.message }];
}

function checkText(text: string, path: Problem['path']): Problem[] {
  const problems: Problem[] = [];
  for (const [, reference = ''] of text.matchAll(REFERENCE)) {
    if (canBeNamed(reference.trim())) continue;
    const group = reference.trim().split('.')[0]!;
    const names = Object.hasOwn(TEMPLATE_NAMES, group) ? TEMPLATE_NAMES[group]! : null;
    const there = names ? names.map((one) => `${group}.${one}`) : Object.keys(TEMPLATE_NAMES);
    problems.push({ path, why: `there is no \${${reference}}; there is ${there.join(', ')}` });
  }
  if (text.replace(REFERENCE, '').includes('${'))
    problems.push({ path, why: `"${text}" has a reference without an end` });
  return problems;
}

function canBeNamed(reference: string): boolean {
  const [group = '', name = '', ...rest] = reference.split('.');
  // Evidence is whatever the check writes down.
  const depth = group === 'finding' && name === 'evidence' ? 1 : 0;
  return Object.hasOwn(TEMPLATE_NAMES, group) && TEMPLATE_NAMES[group]!.includes(name) && rest.length === depth;
}

const SCOPE: Scope = Object.fromEntries(
  Object.entries(TEMPLATE_NAMES).map(([group, names]): [string, Shape] => [
    group,
    { kind: 'object', fields: Object.fromEntries(names.map((name) => [name, ANY])) },
  ]),
);

function checkCondition(condition: string, path: Problem['path']): Problem[] {
  try {
    compile(condition, SCOPE);
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [{ path, why: error.message }];
  }
}
