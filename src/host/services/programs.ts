import { each } from '../facts/look.ts';
import type { Host } from '../host.ts';

/** Which programs run, for service managers that cannot be asked. Looked at when first needed. */
export interface Programs {
  /** The pid in the text of a pid file, when that process is there and is that program (where one is given). */
  alive(pidFile: string, program: string | null): Promise<number | null>;
  /** The first of the processes of a program. */
  firstOf(program: string): Promise<number | null>;
}

export function programsOf(host: Host): Programs {
  let known: Promise<Map<number, string>> | undefined;
  const running = (): Promise<Map<number, string>> => (known ??= read(host));
  return {
    alive: async (pidFile, program) => {
      const pid = Number(/^\s*(\d+)\b/.exec(pidFile)?.[1] ?? 0);
      const found = (await running()).get(pid);
      if (found === undefined) return null;
      // A number may have gone to another process since; a script's own name is that of its interpreter.
      return program === null ||
        same(found, program) ||
        /\/(?:sh|bash|dash|python[\d.]*|perl|ruby[\d.]*|java)$/.test(found)
        ? pid
        : null;
    },
    firstOf: async (program) => {
      const pids = [...(await running())].filter(([, found]) => same(found, program)).map(([pid]) => pid);
      return pids.length === 0 ? null : Math.min(...pids);
    },
  };
}

/** Before and after /usr was merged. */
const same = (a: string, b: string): boolean => a.replace(/^\/usr\//, '/') === b.replace(/^\/usr\//, '/');

async function read(host: Host): Promise<Map<number, string>> {
  const pids = ((await host.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const own = await host.readlink('/proc/1/ns/mnt').catch(() => null);
  const found = await each(pids, async (pid) => {
    const space = await host.readlink(`/proc/${pid}/ns/mnt`).catch(() => null);
    // A container's daemon of the same name is not this host's.
    if (space !== null && own !== null && space !== own) return [pid, ''] as const;
    const link = await host.readlink(`/proc/${pid}/exe`).catch(() => null);
    return [pid, link === null ? '' : host.shown(link).replace(/ \(deleted\)$/, '')] as const;
  });
  return new Map(found.filter(([, program]) => program !== ''));
}
