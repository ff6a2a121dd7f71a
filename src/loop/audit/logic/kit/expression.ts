import { celEnv, celFunc, celList, CelScalar, isCelError, isCelList, isCelMap, parse, plan } from '@bufbuild/cel';
import { GROW, isSpent, metered, SPENT, spend, spendOn, TEXT, TURN, withinBudget } from './meter.ts';
import { ExpressionError, walk, type Scope } from './walk.ts';
import { type Shape } from './shape.ts';

/** A CEL expression, read and checked once, evaluated often. */
export interface Expression {
  source: string;
  /** sections of the facts that it looks at */
  sections: readonly string[];
  shape: Shape;
  evaluate(bindings: Bindings): { value: unknown } | { error: string };
}

type Plan = ReturnType<typeof plan>;
export type CelValue = NonNullable<Parameters<Plan>[0]>[string];
export type Bindings = Record<string, CelValue>;

const LONGEST = 2000;
/** What one evaluation may give: evidence is for people, and is kept. */
const MOST_VALUES = 20_000;
const OCTAL = /^[0-7]{1,6}$/;

/** What kits may call beyond CEL's own functions; kits/README.md lists them. */
const OWN_FUNCTIONS = [
  // Are any of these permission bits set? `bits('0644', '0022')` = writable for others than the owner.
  celFunc('bits', [CelScalar.STRING, CelScalar.STRING], CelScalar.BOOL, (mode: string, mask: string) => {
    if (!OCTAL.test(mode) || !OCTAL.test(mask)) throw new Error(`bits() wants octal modes, not ${mode} and ${mask}`);
    return (Number.parseInt(mode, 8) & Number.parseInt(mask, 8)) !== 0;
  }),
];
/** Put into every expression when it is compiled: meter.ts. */
const COUNTERS = [
  celFunc(TURN, [CelScalar.BOOL], CelScalar.BOOL, (goesOn: boolean) => {
    spend(1);
    return goesOn;
  }),
  celFunc(TEXT, [CelScalar.DYN], CelScalar.DYN, (value) => {
    spendOn(value);
    return value;
  }),
];
/** Lists that a macro is gathering, with what they are made of. Nobody else sees them before they are whole. */
const GATHERING = new WeakMap<object, unknown[]>();
const GATHER = celFunc(GROW, [CelScalar.DYN, CelScalar.DYN], CelScalar.DYN, (list, more) => {
  if (!isCelList(list) || !isCelList(more)) throw new Error('a macro gathers in a list');
  const known = GATHERING.get(list);
  const array = known ?? [...list];
  array.push(...more);
  if (known) return list;
  const gathered = celList(array as Parameters<typeof celList>[0] & unknown[]);
  GATHERING.set(gathered, array);
  return gathered;
});
const ENV = celEnv({ funcs: [...OWN_FUNCTIONS, ...COUNTERS, GATHER] });
const isFunction = (name: string): boolean => ENV.funcs.find(name) !== undefined;

/** Throws ExpressionError with what is wrong and, for syntax, where. */
export function compile(source: string, scope: Scope): Expression {
  if (source.length > LONGEST) throw new ExpressionError(`an expression may have ${LONGEST} characters at most`);
  const parsed = read(source);
  const { shape, sections } = walked(parsed, scope);
  const run = plan(ENV, metered(parsed.expr));
  return {
    source,
    shape,
    sections: [...sections].sort(),
    evaluate: (bindings) => withinBudget(() => evaluate(run, bindings)),
  };
}

function walked(parsed: ReturnType<typeof parse>, scope: Scope): ReturnType<typeof walk> {
  try {
    return walk(parsed.expr, scope, isFunction);
  } catch (error) {
    if (error instanceof ExpressionError && error.part !== null)
      error.offset = parsed.sourceInfo?.positions[String(error.part)] ?? null;
    throw error;
  }
}

function evaluate(run: Plan, bindings: Bindings): { value: unknown } | { error: string } {
  try {
    spend(1);
    const result = run(bindings);
    // `true || error` is true in CEL; what was not looked at to its end is not known, whatever came out.
    if (isSpent()) return { error: SPENT };
    return isCelError(result) ? { error: result.message } : { value: fromCel(result, { left: MOST_VALUES }) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function read(source: string): ReturnType<typeof parse> {
  try {
    return parse(source);
  } catch (error) {
    throw new ExpressionError(`this is no CEL: ${(error as Error).message.replace('<input>:', 'at ')}`, {
      cause: error,
    });
  }
}

/** JSON → what CEL reads: objects become maps. */
export function toCel(value: unknown): CelValue {
  if (Array.isArray(value)) return value.map(toCel);
  if (value === null || typeof value !== 'object') return (value ?? null) as CelValue;
  return new Map(Object.entries(value).map(([key, inner]) => [key, toCel(inner)]));
}

/** What CEL gives → JSON. */
function fromCel(value: unknown, room: { left: number }): unknown {
  room.left -= 1;
  if (room.left < 0) throw new Error(`it gives more than ${MOST_VALUES} values`);
  if (typeof value === 'bigint') return Number(value);
  if (isCelList(value)) return [...value].map((item) => fromCel(item, room));
  if (isCelMap(value))
    return Object.fromEntries([...value.entries()].map(([key, inner]) => [String(key), fromCel(inner, room)]));
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? value : String(value);
}
