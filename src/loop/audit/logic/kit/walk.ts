import type { parse } from '@bufbuild/cel';
import { IDENTITY_SECTIONS } from '../identities.ts';
import { ANY, elementOf, fieldNames, fieldOf, type Shape } from './shape.ts';

export type Expr = ReturnType<typeof parse>['expr'];
type Case<K extends string> = Extract<Expr['exprKind'], { case: K }>['value'];

/** Names an expression may use, with what is behind them. */
export type Scope = Readonly<Record<string, Shape>>;

/** The expression is well formed, but means nothing here. */
export class ExpressionError extends Error {
  /** the part that means nothing, by its id in the expression */
  part: bigint | null = null;
  /** where that is in the expression's text */
  offset: number | null = null;
}

/** Loops within loops multiply: over lists of thousands, three of them would take for ever. */
const MOST_NESTED = 2;

export interface Walked {
  shape: Shape;
  /** sections of the facts that it looks at */
  sections: Set<string>;
}

/** Looks through an expression for names, fields and functions that do not exist. */
export function walk(expr: Expr, scope: Scope, isFunction: (name: string) => boolean): Walked {
  const walker = new Walker(isFunction);
  return { shape: walker.visit(expr, scope, 0), sections: walker.sections };
}

class Walker {
  readonly sections = new Set<string>();
  readonly #isFunction: (name: string) => boolean;
  constructor(isFunction: (name: string) => boolean) {
    this.#isFunction = isFunction;
  }

  visit(expr: Expr, scope: Scope, depth: number): Shape {
    try {
      return this.#visit(expr, scope, depth);
    } catch (error) {
      if (error instanceof ExpressionError) error.part ??= expr.id;
      throw error;
    }
  }

  #visit(expr: Expr, scope: Scope, depth: number): Shape {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'identExpr':
        return this.#name(exprKind.value.name, scope);
      case 'selectExpr':
        return this.#select(exprKind.value, scope, depth);
      case 'callExpr':
        return this.#call(exprKind.value, scope, depth);
      case 'listExpr':
        return { kind: 'list', of: this.#all(exprKind.value.elements, scope, depth)[0] ?? ANY };
      case 'structExpr':
        for (const entry of exprKind.value.entries) if (entry.value) this.visit(entry.value, scope, depth);
        return ANY;
      case 'comprehensionExpr':
        return this.#loop(exprKind.value, scope, depth + 1);
      default:
        return ANY;
    }
  }

  #all(expressions: readonly Expr[], scope: Scope, depth: number): Shape[] {
    return expressions.map((one) => this.visit(one, scope, depth));
  }

  #name(name: string, scope: Scope): Shape {
    if (name === 'identities') for (const section of IDENTITY_SECTIONS) this.sections.add(section);
    if (Object.hasOwn(scope, name)) return scope[name]!;
    // Names of types, as in `type(x) == string`, and the like are few and harmless.
    if (['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type'].includes(name))
      return ANY;
    throw new ExpressionError(`there is no \`${name}\` here; there is ${Object.keys(scope).join(', ')}`);
  }

  #select(select: Case<'selectExpr'>, scope: Scope, depth: number): Shape {
    const operand = select.operand!;
    const path = pathOf(operand);
    const shape = this.visit(operand, scope, depth);
    if (path === 'facts') this.sections.add(select.field);
    const field = fieldOf(shape, select.field);
    if (field !== null) return field;
    const there = fieldNames(shape);
    const instead = there.length > 0 ? `; there is ${there.join(', ')}` : '';
    throw new ExpressionError(`\`${path}\` has no field \`${select.field}\`${instead}`);
  }

  #call(call: Case<'callExpr'>, scope: Scope, depth: number): Shape {
    const name = call.function;
    if (/^[A-Za-z]/.test(name) && !this.#isFunction(name))
      throw new ExpressionError(`there is no function \`${name}\``);
    if (call.target) this.visit(call.target, scope, depth);
    const shapes = this.#all(call.args, scope, depth);
    if (name === '_[_]') return elementOf(shapes[0] ?? ANY);
    if (name === '_?_:_') return isEmptyShape(shapes[1]) ? (shapes[2] ?? ANY) : shapes[1]!;
    // Lists that grow in loops: what is added tells what is in them.
    if (name === '_+_') return [shapes[1], shapes[0]].find((shape) => shape?.kind === 'list') ?? ANY;
    return ANY;
  }

  #loop(loop: Case<'comprehensionExpr'>, scope: Scope, depth: number): Shape {
    if (depth > MOST_NESTED) throw new ExpressionError(`more than ${MOST_NESTED} loops within each other`);
    const range = this.visit(loop.iterRange!, scope, depth - 1);
    this.visit(loop.accuInit!, scope, depth);
    const item = range.kind === 'list' ? range.of : ANY;
    const inner = {
      ...scope,
      [loop.accuVar]: ANY,
      [loop.iterVar]: item,
      ...(loop.iterVar2 ? { [loop.iterVar2]: ANY } : {}),
    };
    this.visit(loop.loopCondition!, inner, depth);
    const step = this.visit(loop.loopStep!, inner, depth);
    this.visit(loop.result!, inner, depth);
    return loop.accuInit!.exprKind.case === 'listExpr' ? step : ANY;
  }
}

const isEmptyShape = (shape: Shape | undefined): boolean => shape === undefined || shape.kind === 'any';

/** `facts.settings` as it was written, as far as it is that simple. */
function pathOf(expr: Expr): string {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (exprKind.case === 'selectExpr') return `${pathOf(exprKind.value.operand!)}.${exprKind.value.field}`;
  if (exprKind.case === 'callExpr' && exprKind.value.function === '_[_]')
    return `${pathOf(exprKind.value.args[0]!)}[…]`;
  return '…';
}
