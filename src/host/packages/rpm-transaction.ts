import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import type { ExecResult, Host } from '../host.ts';
import { cut } from '../text.ts';
import { leftHalfWay, someoneHolds } from './half-way.ts';
import type { Copy, InstalledRpms } from './installed-rpms.ts';
import type { Settings, Wanted } from './manager.ts';

/** What dnf and zypper share: rpm does the work for both, and says the same. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
const TIMEOUT_MS = 120_000;
const ERASE_TIMEOUT_MS = 10 * 60_000;
const ALL_PROVIDES = String.raw`[%{=NAME}\t%{PROVIDENAME}\n]`;

/** Of some packages several versions are there on purpose: kernels, their modules, and what says so of itself. */
const MANY = /^(?:kernel(?:-.*)?|(?:installonlypkg|multiversion)\(.*\))$/;

async function begun(installed: InstalledRpms): Promise<Copy[][]> {
  const limits = { maxOutput: OUTPUT_LIMIT, timeoutMs: TIMEOUT_MS };
  const found = await installed.anew().copies();
  if (found.length === 0) return [];
  const names = found.map(([one]) => one!.name);
  const provides = await run(installed.host, ['rpm', '-q', '--qf', ALL_PROVIDES, ...names], limits);
  const many = new Set<string>();
  for (const line of provides.split('\n')) {
    const [name = '', provided = ''] = line.split('\t');
    if (MANY.test(provided)) many.add(name);
  }
  return found.filter(([one]) => !many.has(one!.name));
}

export const unfinishedRpms = async (installed: InstalledRpms): Promise<string[]> =>
  (await begun(installed)).map(([one]) => one!.name);

/** Ends what was begun: of each, the one that came last stays. With no others asked: they were when it was begun. */
export async function finishRpms(installed: InstalledRpms): Promise<void> {
  for (const group of await begun(installed)) {
    const byAge = group.toSorted((a, b) => a.installedAt - b.installedAt || a.instance - b.instance);
    const old = byAge.slice(0, -1).map((copy) => copy.nevra);
    await run(installed.host, ['rpm', '-e', '--nodeps', ...old], { timeoutMs: ERASE_TIMEOUT_MS });
    installed.anew();
  }
}

/** rpm's own lock, and zypper's. */
export const rpmIsLocked = (host: Host): Promise<boolean> =>
  someoneHolds(host, ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock', '/run/zypp.pid']);

const LOCK_PATIENCE_MS = 10 * 60_000;
const LOCK_LOOK_MS = 1000;
const TRIES = 3;

/**
 * Runs a transaction when nobody else is at one. dnf and zypper wait for themselves; a bare `rpm` that somebody runs they do
 * not wait for, and give up before they change anything.
 */
export async function whenRpmIsFree(host: Host, transact: () => Promise<ExecResult>): Promise<ExecResult> {
  const until = Date.now() + LOCK_PATIENCE_MS;
  for (let tried = 1; ; tried += 1) {
    while (Date.now() < until && (await rpmIsLocked(host))) await sleep(LOCK_LOOK_MS);
    const result = await transact();
    const wasLocked = /transaction lock|Could not run transaction/.test(`${result.stdout}\n${result.stderr}`);
    if (result.code === 0 || !wasLocked || tried === TRIES) return result;
    await sleep(LOCK_LOOK_MS);
  }
}

/** `warning: FILE created as FILE.rpmnew`, `warning: FILE saved as FILE.rpmsave`. */
export function settingsIn(text: string): Settings {
  const named = (pattern: RegExp): string[] => [
    ...new Set(text.split('\n').flatMap((line) => pattern.exec(line)?.[1] ?? [])),
  ];
  return {
    kept: named(/^warning: (\/.*) created as \/.*\.rpmnew$/).sort(),
    replaced: named(/^warning: (\/.*) saved as \/.*\.rpmsave$/).sort(),
  };
}

/** What rpm says of scripts of packages that failed; after most of them it goes on as if nothing had been. */
export const scriptFailures = (text: string): string[] => [
  ...new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) =>
        /^(?:error|warning): (?:%\w+\(\S+\) scriptlet failed|lua script failed)|^Error in \w+ scriptlet/.test(line),
      ),
  ),
];

const REASON =
  /^Error\b|^error: |^ *Problem|^ +- |No match for argument|No provider of|No space left|Read-only file system|not found on medium|^\[FAILED\]|Curl error|Error message:/;

/** The lines that say why, in its words. */
export function reasons({ code, stdout, stderr }: ExecResult): string {
  const lines = `${stderr}\n${stdout}`.split('\n').filter((line) => REASON.test(line));
  const said = [...new Set(lines.map((line) => line.trim()).filter((line) => !/^Error:?$/.test(line)))];
  return cut(said.join('; ') || `it ended with ${code}`, 600);
}

/** Which package it was, and what lies half-way now. */
export async function rpmGaveUp(installed: InstalledRpms, result: ExecResult, logs: string): Promise<AppError> {
  return new AppError('STEP_PACKAGE_FAILED', {
    why: reasons(result),
    left: leftHalfWay(await unfinishedRpms(installed)),
    logs,
  });
}

/** Is everything at its version, with its scripts run? */
export async function judgeRpms(
  rpms: InstalledRpms,
  result: ExecResult,
  wanted: Wanted,
  logs: string,
): Promise<Settings> {
  const text = `${result.stdout}\n${result.stderr}`;
  const installed = await rpms.anew().newest();
  const failed = scriptFailures(text);
  if (failed.length > 0) {
    const there = Object.keys(wanted).filter((name) => installed.get(name) === wanted[name]);
    const left = there.length > 0 ? `At the new version all the same: ${cut(there.join(', '), 300)}` : leftHalfWay([]);
    throw new AppError('STEP_PACKAGE_FAILED', { why: cut(failed.join('; '), 600), left, logs });
  }
  for (const [name, version] of Object.entries(wanted)) {
    const now = installed.get(name) ?? 'not installed';
    if (now === version) continue;
    const what = `The package manager ended well, but ${name} is ${now} instead of ${version}`;
    throw new AppError('STEP_NOT_EFFECTIVE', { what });
  }
  return settingsIn(text);
}
