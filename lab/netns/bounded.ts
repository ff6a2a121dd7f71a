import { run, type Ran } from './command.ts';
import { MARK, markOf, type Place } from './place.ts';

/**
 * Runs something that starts many processes and mounts things, so that none of it outlives us: PID and mount namespaces
 * of its own, which end with their first process, which the kernel ends with us.
 */
export function bounded(
  place: Place,
  what: string,
  argv: readonly string[],
  options: BoundedOptions = {},
): Promise<Ran> {
  const namespace = options.net ? ['nsenter', `--net=${options.net}`] : [];
  const unshare = 'setpriv --pdeathsig KILL unshare --fork --pid --mount-proc --kill-child=SIGKILL'.split(' ');
  return run([...namespace, ...unshare, ...argv], {
    env: { [MARK]: markOf(place, what) },
    input: options.input ?? '',
  });
}

export interface BoundedOptions {
  /** path of a network namespace, instead of the machine's */
  net?: string;
  input?: string;
}
