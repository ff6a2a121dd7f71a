import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { arm, disarm, fireNow, guardState, lay, whyFired, type OldFile } from '../access/guard.ts';
import { knock, knockUntil } from '../access/knock.ts';
import { doorOf, listenersOf, nameOf, type Listener } from '../access/listeners.ts';
import { whyTurnedAway } from '../access/permits.ts';
import type { Host } from '../host.ts';
import { control, readUnit } from '../services/control.ts';
import type { Unit } from '../services/systemd.ts';
import { sshdInForce } from '../settings/sshd-in-force.ts';
import { effectiveSshd, includedFrom, parseEffective, SSHD_CONFIG } from '../settings/sshd.ts';
import { cut } from '../text.ts';
import type { Seen, StepContext } from './contract.ts';
import { oldFilesOf } from './old-files.ts';

type ServiceStep = StepOf<'service'>;

const ANSWER_MS = 15_000;

/** By which nearly every host is reached: its new settings are tried before they count. */
export const isSshd = (unit: string): boolean => /^(?:ssh|sshd|openssh-server)(?:\.service)?$/.test(unit);

export const mustKeepAccess = ({ name, action }: ServiceStep): boolean =>
  isSshd(name) && (action === 'restart' || action === 'reload');

interface Guarded {
  host: Host;
  step: ServiceStep;
  before: Seen;
  context: StepContext;
  token: string;
}

/**
 * Restarts or reloads sshd so that nobody is locked out: the new settings have to pass `sshd -t` and to permit our login;
 * a timer on the host is armed; the daemon reads them; every listener has to greet a fresh connection, and a login to work
 * where one can be tried. Only then the timer is disarmed. Anything else puts the old files back.
 */
export async function controlSshd(host: Host, step: ServiceStep, before: Seen, context: StepContext): Promise<Unit> {
  const guarded = { host, step, before, context, token: String(before['guard']) };
  const state = await guardState(host, guarded.token);
  if (state === 'fired') throw await putBackAlready(guarded);
  if (state === 'confirmed') return readUnit(host, step.name);
  const files = await oldFilesOf(host, step.name, context.earlier);
  if (state === 'none') await refuseUnfit(guarded, files);
  if (files.length === 0 && state === 'none') return readAgain(guarded);
  await arm(host, guarded.token, { unit: step.name, files, seconds: context.waits?.guard });
  const unit = await readAgain(guarded).catch((error: Error) => goBack(guarded, error));
  if (await disarm(host, guarded.token)) return unit;
  throw lost(step.name, 'the test of the login took longer than the timer waits', 'are back');
}

/** The daemon reads its settings, and everything by which we come in is tried. */
async function readAgain(guarded: Guarded): Promise<Unit> {
  const { host, before, context } = guarded;
  const { settings } = await sshdInForce(host);
  const unit = await restartOnce(guarded);
  await mustAnswer(guarded, await openable(host, settings, before));
  await context.logIn?.();
  return unit;
}

async function goBack(guarded: Guarded, error: Error): Promise<never> {
  const { host, step, context, token } = guarded;
  // We are to end: the rest is done when we run again, or by the timer.
  if (context.stopping?.() === true) throw error;
  await fireNow(host, token, step.name, error.message);
  throw lost(step.name, error.message, await backInForce(guarded));
}

/** It has fired, by the timer or by a try of ours that was cut off right then. */
async function putBackAlready(guarded: Guarded): Promise<AppError> {
  const { host, step, token } = guarded;
  const why = (await whyFired(host, token)) ?? 'nobody confirmed in time that a login works';
  await fireNow(host, token, step.name, why);
  return lost(step.name, why, await backInForce(guarded));
}

const lost = (unit: string, why: string, back: string): AppError =>
  new AppError('STEP_ACCESS', { unit, why: why.replace(/\.$/, ''), back });

/** A restart is not repeated after a power cut: the process is another than before the first try. */
async function restartOnce({ host, step, before, context }: Guarded): Promise<Unit> {
  return control(host, step.action as 'restart' | 'reload', step.name, {
    unless: (unit) =>
      step.action === 'restart' && context.resumed !== null && unit.mainPid !== null && unit.mainPid !== before['pid'],
  });
}

/** What can be said before the daemon reads the files. The refused ones do not stay on the disk for its next start. */
async function refuseUnfit(guarded: Guarded, files: readonly OldFile[]): Promise<void> {
  const why = (await untestable(guarded.host)) ?? (await turnedAway(guarded));
  if (why === null) return;
  const { host, step, token } = guarded;
  if (files.length === 0) throw lost(step.name, why, 'are in force until its next start: put them right before');
  await lay(host, token, files);
  await fireNow(host, token, null, why);
  throw lost(step.name, why, `are back; ${step.name} was not touched`);
}

/** `sshd -t` on what lies on the disk. */
async function untestable(host: Host): Promise<string | null> {
  const { code, stderr } = await host.exec(['sshd', '-t'], { timeoutMs: 15_000 });
  return code === 0 || code === 127 ? null : `sshd -t refuses them: ${cut(stderr.trim(), 300)}`;
}

async function turnedAway({ host, context: { login } }: Guarded): Promise<string | null> {
  if (login === null) return null;
  const told = await host.exec(['sshd', '-T', '-C', `user=${login.user},host=localhost,addr=127.0.0.1`]);
  if (told.code !== 0) return null;
  const groups = await host.exec(['id', '-Gn', login.user]).catch(() => null);
  const names = groups?.code === 0 ? groups.stdout.trim().split(/\s+/) : null;
  return whyTurnedAway(parseEffective(told.stdout), login, names);
}

interface Door {
  name: string;
  at: Listener;
}

/** Listeners of the new settings that have to answer: all but those that were silent before, with the old ones, too. */
async function openable(host: Host, settings: Readonly<Record<string, string>>, before: Seen): Promise<Door[]> {
  const silent = new Set((before['silent'] as string[] | undefined) ?? []);
  const doors: Door[] = [];
  for (const listener of listenersOf(settings)) {
    const at = await doorOf(host, listener);
    if (at !== null && !silent.has(nameOf(listener))) doors.push({ name: nameOf(listener), at });
  }
  return doors;
}

async function mustAnswer({ host, step }: Guarded, doors: readonly Door[]): Promise<void> {
  if (doors.length === 0) throw new AppError('STEP_NOT_EFFECTIVE', { what: `${step.name} listens nowhere` });
  for (const { name, at } of doors) {
    const answer = await knockUntil(host, at, 'ssh', ANSWER_MS);
    if (answer === 'answers') continue;
    const what =
      answer === 'silent'
        ? `no SSH server answers on ${name} after the ${step.action}`
        : `nothing on this host can connect to ${name} to see whether SSH answers`;
    throw new AppError('STEP_NOT_EFFECTIVE', { what });
  }
}

/** After the old files were put back: does it answer where it did before? */
async function backInForce({ host, before }: Guarded): Promise<string> {
  const { settings } = await sshdInForce(host);
  const doors = await openable(host, settings, before);
  for (const { name, at } of doors) {
    if ((await knockUntil(host, at, 'ssh', ANSWER_MS)) !== 'answers')
      return `are back, but nothing answers on ${name}: this host needs somebody at its console`;
  }
  return 'are back and in force';
}

/** Listeners of the old settings that do not answer now: nothing is expected of them afterwards either. */
export async function silentListeners(host: Host, unit: string, earlier: StepContext['earlier']): Promise<string[]> {
  const files = await oldFilesOf(host, unit, earlier);
  const main = files.find((file) => file.path === SSHD_CONFIG)?.bytes ?? (await host.read(SSHD_CONFIG));
  const text = Buffer.from(main ?? '').toString('utf8');
  // What its defaults listen on, is listened on: only what somebody named can be an address that this host does not have.
  const settings = await effectiveSshd(text, includedFrom(host));
  if (settings['listenaddress'] === undefined) return [];
  const silent: string[] = [];
  for (const listener of listenersOf(settings)) {
    const at = await doorOf(host, listener);
    if (at === null || (await knock(host, at, 'ssh')) === 'silent') silent.push(nameOf(listener));
  }
  return silent;
}

/** No shell, no timer: such a host is no system that anybody logs in to (a tree that stands for one). */
export async function hasShell(host: Host): Promise<boolean> {
  const found = await host.exec(['sh', '-c', 'command -v setsid']).catch(() => null);
  return found?.code === 0;
}
