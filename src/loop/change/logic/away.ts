/** With a task to carry out; after a quarter of an hour that counts as failed. */
const TASK_SECONDS = 15;
const LEAST_SECONDS = 60;
const MOST_SECONDS = 3600;

/**
 * How many seconds until a host that is away, or does not let us in, is tried again. Where its task has failed and only
 * something half-way is left there, the waits grow with the time that it has been away, so that looks get in between.
 */
export function awaySeconds(host: { hasTask: boolean; changingUntil: Date | null; now: Date }): number {
  if (host.hasTask) return TASK_SECONDS;
  const away = (host.now.getTime() - (host.changingUntil ?? host.now).getTime()) / 1000;
  return Math.round(Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, away / 4)));
}
