import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { readText, type Host } from '../host.ts';

/** Longer than a restart with all its patience and the login test after it; shorter than anybody's drive to the machine. */
const GUARD_SECONDS = 240;
const GUARDS = '/var/lib/lastember/guard';
const START_MS = 10_000;
/** Somebody else puts the files back at this very moment. */
const OTHERS_MS = 5000;

/** A file as it was, to be put back. `bytes` null: there was none. */
export interface OldFile {
  path: string;
  mode: number;
  uid: number;
  gid: number;
  bytes: Uint8Array | null;
}

/**
 * none: nothing was armed. armed: the timer runs, or did before a power cut. confirmed: the change holds for good.
 * fired: the old files are back (or about to be, when a power cut came between).
 */
export type GuardState = 'none' | 'armed' | 'confirmed' | 'fired';

/**
 * Puts the old files back. Whoever renames the file `armed` first has decided: the timer (or the agent that saw its test
 * fail) to `fired`, the agent that saw it succeed to `confirmed`. So it fires once or not at all, whoever died meanwhile.
 * Paths are relative to the top of the host's tree. Needs a shell and what every system has beside it.
 */
const RESTORE = `#!/bin/sh
# usage: restore DIR SECONDS UNIT; SECONDS 0: at once; "again": it fired and was cut off; UNIT -: it has not read the new ones
trap '' HUP
cd "\${LASTEMBER_HOST_ROOT:-/}" || exit 1
dir=$1 seconds=$2 unit=$3
if [ "$seconds" != again ]; then
  if [ "$seconds" -gt 0 ]; then echo $$ > "./$dir/timer"; fi
  while [ "$seconds" -gt 0 ]; do
    [ -e "./$dir/armed" ] || exit 0
    sleep 1
    seconds=$((seconds - 1))
  done
  mv "./$dir/armed" "./$dir/fired" 2>/dev/null || exit 3
fi
while read -r n mode owner path; do
  [ -n "$path" ] || continue
  if [ "$n" = - ]; then rm -f "./$path"; continue; fi
  to="./$path"
  [ -L "$to" ] && to=$(readlink -f "$to")
  cp "./$dir/old.$n" "$to.lastember-back" && chown "$owner" "$to.lastember-back" && chmod "$mode" "$to.lastember-back" && mv -f "$to.lastember-back" "$to"
done < "./$dir/list"
sync
name=\${unit%.service}
if [ "$unit" != - ]; then
  systemctl restart "$unit" || service "$name" restart || rc-service "$name" restart || "/etc/init.d/$name" restart
fi
echo done > "./$dir/done"
`;

export const newToken = (): string => randomBytes(8).toString('hex');

function directoryOf(token: string): string {
  if (!/^[0-9a-f]{16}$/.test(token)) throw new Error(`${token} is no token of a guard`);
  return `${GUARDS}/${token}`;
}

export async function guardState(host: Host, token: string): Promise<GuardState> {
  const at = directoryOf(token);
  for (const state of ['confirmed', 'fired', 'armed'] as const)
    if ((await host.stat(`${at}/${state}`)) !== null) return state;
  return 'none';
}

/**
 * Starts a process of its own on the host that puts the files back and restarts the unit, unless it is disarmed in time.
 * It lives on when the agent or the connection dies. Called again (after a power cut), it starts another for the same
 * marker, and still only one of them can fire.
 */
export async function arm(
  host: Host,
  token: string,
  { unit, files, seconds = GUARD_SECONDS }: { unit: string; files: readonly OldFile[]; seconds?: number | undefined },
): Promise<void> {
  const at = directoryOf(token);
  await lay(host, token, files, unit);
  await host.remove(`${at}/timer`);
  const start = 'setsid sh "$@" </dev/null >/dev/null 2>&1 &';
  await run(host, ['sh', '-c', start, 'start', ...scriptOf(host, at, seconds, unit)]);
  const deadline = Date.now() + START_MS;
  while ((await host.stat(`${at}/timer`)) === null) {
    if (Date.now() > deadline) throw new AppError('STEP_GUARD', { unit });
    await sleep(50);
  }
}

/**
 * What there is to put back, once, and which unit then has to read it (none: it has not read the new ones). The marker
 * last: before it stands, nothing can fire.
 */
export async function lay(
  host: Host,
  token: string,
  files: readonly OldFile[],
  unit: string | null = null,
): Promise<void> {
  const at = directoryOf(token);
  if ((await guardState(host, token)) !== 'none') return;
  await host.mkdir(at, 0o700);
  const lines: string[] = [];
  for (const [index, { path, bytes, mode, uid, gid }] of files.entries()) {
    const number = bytes === null ? '-' : String(index);
    if (bytes !== null) await host.write(`${at}/old.${index}`, bytes, 0o600);
    lines.push(`${number} ${mode.toString(8)} ${uid}:${gid} ${path.slice(1)}\n`);
  }
  await host.write(`${at}/list`, Buffer.from(lines.join('')), 0o600);
  await host.write(`${at}/unit`, Buffer.from(unit ?? '-'), 0o600);
  await host.write(`${at}/restore`, Buffer.from(RESTORE), 0o700);
  await host.write(`${at}/armed`, Buffer.from(''), 0o600);
}

/** Without a leading slash, so that the same words fit a tree that stands for a host: commands run at its top. */
const scriptOf = (host: Host, at: string, seconds: number | 'again', unit: string): string[] => {
  const relative = at.slice(1);
  const script = host.far ? `${at}/restore` : `./${relative}/restore`;
  return [script, relative, String(seconds), unit];
};

/** The change holds: from now on nothing fires. Refused when it has fired already. */
export async function disarm(host: Host, token: string): Promise<boolean> {
  const at = directoryOf(token);
  try {
    await host.rename(`${at}/armed`, `${at}/confirmed`);
    return true;
  } catch (error) {
    // The answer to a rename that was done may have been lost on its way.
    const state = await guardState(host, token);
    if (state === 'armed') throw error;
    return state === 'confirmed';
  }
}

/**
 * Puts the old files back now, instead of waiting for the timer; ends what a power cut has left half-way. `unit` null: the
 * daemon has not read the new ones, so it is left alone.
 */
export async function fireNow(host: Host, token: string, unit: string | null, why: string): Promise<void> {
  const at = directoryOf(token);
  if ((await host.stat(`${at}/done`)) !== null) return;
  const fired = (await guardState(host, token)) === 'fired';
  if (!fired) await host.write(`${at}/why`, Buffer.from(why), 0o600);
  const argv = ['sh', ...scriptOf(host, at, fired ? 'again' : 0, unit ?? '-')];
  await host.exec(argv, { timeoutMs: 180_000 });
}

/**
 * Whatever was armed and never confirmed is put back, to its end: for whoever is about to remove what it needs. Returns how
 * many there were.
 */
export async function fireAll(host: Host, why: string): Promise<number> {
  const tokens = ((await host.list(GUARDS)) ?? []).filter((name) => /^[0-9a-f]{16}$/.test(name));
  let fired = 0;
  for (const token of tokens) fired += (await fireToItsEnd(host, token, why)) ? 1 : 0;
  return fired;
}

/** False: there is nothing to put back. */
async function fireToItsEnd(host: Host, token: string, why: string): Promise<boolean> {
  const at = directoryOf(token);
  const isOver = async (): Promise<boolean> => (await host.stat(`${at}/done`)) !== null;
  const state = await guardState(host, token);
  if (state === 'none' || state === 'confirmed' || (await isOver())) return false;
  const unit = (await readText(host, `${at}/unit`, 256))?.trim() ?? '-';
  const fire = (): Promise<void> => fireNow(host, token, unit === '-' ? null : unit, why);
  if (state === 'armed') await fire();
  // The timer was first, or was cut off.
  for (let waited = 0; waited < OTHERS_MS && !(await isOver()); waited += 500) await sleep(500);
  await fire();
  return true;
}

/** Why it fired; null: it was the timer. */
export async function whyFired(host: Host, token: string): Promise<string | null> {
  return readText(host, `${directoryOf(token)}/why`, 4096);
}

/** Once nobody can come back to it: the copies go, too. */
export async function forget(host: Host, token: string): Promise<void> {
  await host.exec(['rm', '-rf', host.far ? directoryOf(token) : `.${directoryOf(token)}`]);
}
