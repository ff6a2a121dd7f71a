import type { Command } from 'commander';
import { contextOf, type Context } from './context.ts';
import { UsageError } from './exit.ts';

/** Options as commander hands them over. */
export type Options = Record<string, unknown>;

/** Binds an action that gets the context, the positional arguments and the options. */
export function does(
  command: Command,
  action: (context: Context, args: string[][], options: Options) => Promise<void>,
): Command {
  return command.action(async (...given: unknown[]) => {
    // commander passes: each declared argument, the options, the command.
    const self = given.at(-1) as Command;
    const args = given
      .slice(0, -2)
      .map((value) => (Array.isArray(value) ? (value as string[]) : value === undefined ? [] : [String(value)]));
    await action(contextOf(self), args, self.opts<Options>());
  });
}

export const text = (options: Options, name: string): string | undefined =>
  typeof options[name] === 'string' ? (options[name] as string) : undefined;
export function number(options: Options, name: string): number | undefined {
  const given = text(options, name);
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() !== '' && Number.isFinite(value)) return value;
  throw new UsageError(
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} takes a number, not "${given}"`,
  );
}
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** An instant as `2026-12-01T02:00:00Z`, or so long from now as `90d`, `12h` or `30m`. */
export function instant(options: Options, name: string, now = new Date()): string | undefined {
  const given = text(options, name);
  if (given === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(given) ?? [];
  const at = amount ? new Date(now.getTime() + Number(amount) * UNITS[unit as keyof typeof UNITS]) : new Date(given);
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  throw new UsageError(
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} takes an instant such as 2026-12-01T02:00:00Z, or a time from now such as 90d, not "${given}"`,
  );
}

/** `key=value`, where the value may hold further equals signs. */
export function pair(given: string, what: string): [string, string] {
  const at = given.indexOf('=');
  if (at < 1) throw new UsageError(`${what} takes key=value, not "${given}"`);
  return [given.slice(0, at), given.slice(at + 1)];
}
export const flag = (options: Options, name: string): boolean => options[name] === true;
export const texts = (options: Options, name: string): string[] =>
  Array.isArray(options[name]) ? (options[name] as string[]) : [];
/** For options that may be given several times. */
export const collect = (value: string, before: string[] | false = []): string[] => [...(before || []), value];

/** `--name` and `--no-name` at once: one of them would be dropped silently. To be called when both are declared. */
export function eitherOr(command: Command, ...names: string[]): Command {
  for (const name of names) {
    const given = new Set<string>();
    for (const one of [name, `no-${name}`])
      command.on(`option:${one}`, () => {
        given.add(one);
        if (given.size > 1) throw new UsageError(`--${name} and --no-${name} contradict each other; give one of them`);
      });
  }
  return command;
}
