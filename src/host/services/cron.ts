import type { CronFact } from '../../model/facts.ts';
import { masked } from '../masked.ts';
import { cut } from '../text.ts';

const COMMAND_LIMIT = 300;
/** cron itself takes 1000 characters of a command. */
const LINE_LIMIT = 4096;
const FIELDS = String.raw`(@\w+|(?:[^\s=#]+\s+){4}[^\s=#]+)`;
const WITH_USER = new RegExp(String.raw`^\s*${FIELDS}\s+(\S+)\s+(.+)$`);
const WITHOUT_USER = new RegExp(String.raw`^\s*${FIELDS}\s+(.+)$`);

/** Entries of a crontab. `user`: whose it is; null where each line names one (/etc/crontab, /etc/cron.d). */
export function parseCrontab(path: string, text: string, user: string | null): CronFact[] {
  return text.split('\n').flatMap((line) => {
    if (line.length > LINE_LIMIT || /^\s*(?:#|$|\w+\s*=)/.test(line)) return [];
    const match = (user === null ? WITH_USER : WITHOUT_USER).exec(line);
    if (!match) return [];
    const [, schedule, ...rest] = match as unknown as [string, string, ...string[]];
    const [who, command] = user === null ? [rest[0]!, rest[1]!] : [user, rest[0]!];
    return [
      {
        kind: 'crontab' as const,
        path,
        user: who,
        schedule: schedule.replace(/\s+/g, ' '),
        command: cut(masked(command).trim(), COMMAND_LIMIT),
        enabled: true,
      },
    ];
  });
}

/** Timers as `systemctl show` tells them, without when they are due: that changes with each run. */
export function parseTimers(text: string): CronFact[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const fields = (name: string): string[] =>
      [...block.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1]!);
    const [id] = fields('Id');
    if (!id?.endsWith('.timer')) return [];
    const schedules = [...fields('TimersCalendar'), ...fields('TimersMonotonic')].flatMap((value) =>
      value.length > LINE_LIMIT ? [] : (/^\{ (.*?) ; next_elapse=.*\}$/.exec(value)?.[1] ?? []),
    );
    const state = fields('UnitFileState')[0] ?? '';
    return [
      {
        kind: 'timer' as const,
        path: fields('FragmentPath')[0] || id,
        user: 'root',
        schedule: schedules.sort().join('; '),
        command: fields('Unit')[0] ?? '',
        // One without an install section runs when something starts it.
        enabled: state.startsWith('enabled') || (state === 'static' ? fields('ActiveState')[0] === 'active' : false),
      },
    ];
  });
}
