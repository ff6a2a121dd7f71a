import { AppError } from '../../model/errors/index.ts';

/** Says what comes next, and stops there when time is up. */
export type Step = (doing: string) => void;

/**
 * One deadline for all that is done on one host. A server that stops answering must not hold up the others, and what is
 * late must not go on behind our back: it stops before its next step.
 */
export async function withinDeadline<T>(
  limit: { host: string; seconds: number },
  work: (step: Step) => Promise<T>,
): Promise<T> {
  let doing = 'beginning';
  let over: AppError | null = null;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    over = new AppError('DEPLOY_DEADLINE', { ...limit, doing });
    reject(over);
  }, limit.seconds * 1000);
  const step: Step = (next) => {
    if (over) throw over;
    doing = next;
  };
  try {
    return await Promise.race([work(step), promise]);
  } finally {
    clearTimeout(timer);
  }
}
