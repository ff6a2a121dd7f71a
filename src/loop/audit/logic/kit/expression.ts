import { celEnv, celFunc, CelScalar, isCelError, isCelList, isCelMap, parse, plan } from '@bufbuild/cel';
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
const OCTAL = /^[0-7]{1,6}$/;

/** What kits may call beyond CEL's own functions; kits/README.md lists them. */
const OWN_FUNCTIONS = [
  // Are any of these permission bits set? `bits('0644', '0022')` = writable for others than the owner.
  celFunc('bits', [CelScalar.STRING, CelScalar.STRING], CelScalar.BOOL, (mode: string, mask: string) => {
    if (!OCTAL.test(mode) || !OCTAL.test(mask)) throw new Error(`bits() wants octal modes, not ${mode} and ${mask}`);
    return (Number.parseInt(mode, 8) & Number.parseInt(mask, 8)) !== 0;
  }),
];
const ENV = celEnv({ funcs: OWN_FUNCTIONS });
const isFunction = (name: string): boolean => ENV.funcs.find(name) !== undefined;

/** Throws ExpressionError with what is wrong and, for syntax, where. */
export function compile(source: string, scope: Scope): Expression {
  if (source.length > LONGEST) throw new ExpressionError(`an expression may have ${LONGEST} characters at most`);
  const parsed = read(source);
  const { shape, sections } = walk(parsed.expr, scope, isFunction);
  const run = plan(ENV, parsed);
  return {
    source,
    shape,
    sections: [...sections].sort(),
    evaluate: (bindings) => {
      const result = run(bindings);
      return isCelError(result) ? { error: result.message } : { value: fromCel(result) };
    },
  };
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
function fromCel(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (isCelList(value)) return [...value].map(fromCel);
  if (isCelMap(value))
    return Object.fromEntries([...value.entries()].map(([key, inner]) => [String(key), fromCel(inner)]));
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? value : String(value);
}
