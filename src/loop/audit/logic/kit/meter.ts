import { parse } from '@bufbuild/cel';
import type { Expr } from './walk.ts';

/**
 * How much one check may do on one host: turns of loops, and texts by their length. Counted and not timed, so that the
 * same facts get the same verdict on a busy machine. Fifty thousand packages, each looked at a few times, fit well.
 */
const MOST_TURNS = 250_000;
/** So much text, or a part of it, that is looked through or put together costs as much as a turn. */
const TEXT_PER_TURN = 64;

let left: number | null = null;

/** Everything that is evaluated within shares one budget. */
export function withinBudget<T>(work: () => T): T {
  if (left !== null) return work();
  left = MOST_TURNS;
  try {
    return work();
  } finally {
    left = null;
  }
}

/** Throws once the budget is spent. What is evaluated after that fails at its first turn. */
export function spend(turns: number): void {
  if (left === null) return;
  left -= turns;
  if (left < 0) throw new Error(SPENT);
}

export const isSpent = (): boolean => left !== null && left < 0;
export const SPENT = `it does not come to an end within ${MOST_TURNS} turns`;

export const spendOn = (value: unknown): void => {
  if (typeof value === 'string') spend(1 + Math.floor(value.length / TEXT_PER_TURN));
};

/** Names that no kit can write: CEL has no `@` in them. */
export const TURN = '@turn';
export const TEXT = '@text';
/** `filter` and `map` add to their list one by one. CEL's own `+` nests a list for each, which takes time by the square. */
export const GROW = '@grow';
const ACCUMULATOR = accumulatorOf(parse('[].map(x, x)').expr);

function accumulatorOf({ exprKind }: Expr): string {
  if (exprKind.case !== 'comprehensionExpr' || !exprKind.value.accuVar.startsWith('@'))
    throw new Error('macros of CEL gather in a variable of another kind than they did');
  return exprKind.value.accuVar;
}
/** CEL looks a text through from its beginning for these, in time that grows with it. */
const READS_TEXT = new Set(['matches', 'contains', 'size', 'startsWith', 'endsWith']);

/** The expression with a counter in each loop, and on each text that is read or put together. */
export function metered(expr: Expr): Expr {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr':
      return {
        ...expr,
        exprKind: { ...exprKind, value: { ...exprKind.value, operand: inner(exprKind.value.operand) } },
      };
    case 'callExpr':
      return { ...expr, exprKind: { ...exprKind, value: call(exprKind.value) } };
    case 'listExpr':
      return {
        ...expr,
        exprKind: { ...exprKind, value: { ...exprKind.value, elements: exprKind.value.elements.map(metered) } },
      };
    case 'structExpr': {
      const entries = exprKind.value.entries.map((entry) => ({ ...entry, value: inner(entry.value) }));
      return { ...expr, exprKind: { ...exprKind, value: { ...exprKind.value, entries } } } as Expr;
    }
    case 'comprehensionExpr': {
      const loop = exprKind.value;
      const parts = {
        iterRange: inner(loop.iterRange),
        accuInit: inner(loop.accuInit),
        loopCondition: counted(TURN, metered(loop.loopCondition!)),
        loopStep: inner(loop.loopStep),
        result: inner(loop.result),
      };
      return { ...expr, exprKind: { ...exprKind, value: { ...loop, ...parts } } };
    }
    default:
      return expr;
  }
}

const inner = (expr: Expr | undefined): Expr | undefined => expr && metered(expr);

type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];

function call(value: Call): Call {
  const target = inner(value.target);
  const args = value.args.map(metered);
  if (READS_TEXT.has(value.function)) {
    return target ? { ...value, target: counted(TEXT, target), args } : { ...value, args: args.map(onText) };
  }
  if (value.function !== '_+_') return { ...value, ...(target ? { target } : {}), args };
  const gathers = isAccumulator(args[0]!) && args[1]!.exprKind.case === 'listExpr';
  return gathers ? { ...value, function: GROW, args } : { ...value, args: args.map(onText) };
}

const onText = (expr: Expr): Expr => (expr.exprKind.case === 'listExpr' ? expr : counted(TEXT, expr));
/** What a macro gathers in; the names of people have no `@`. */
const isAccumulator = ({ exprKind }: Expr): boolean =>
  exprKind.case === 'identExpr' && exprKind.value.name === ACCUMULATOR;

const CALL = parse('f(x)').expr;

function counted(name: string, expr: Expr): Expr {
  const { exprKind } = CALL;
  if (exprKind.case !== 'callExpr') return expr;
  return { ...expr, exprKind: { case: 'callExpr', value: { ...exprKind.value, function: name, args: [expr] } } };
}
