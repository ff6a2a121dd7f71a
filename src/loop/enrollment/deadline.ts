import { AppError } from '../../model/errors/index.ts';

/** Says what comes next, and stops there when time is up. */
export type Step = (doing: string) => void;
/** Takes what has to be let go of when all is done, or when time is up: at once, when that is over already. */
export type Hold = (letGo: () => void) => void;

/**
 * One deadline for all that is done on one host. A server that stops answering must not hold up the others, and what is
 * late must not go on behind our back: it stops before its next step, and loses its connection.
 */
export async function withinDeadline<T>(
  {
    code = 'DEPLOY_DEADLINE',
    ...limit
  }: { host: string; seconds: number; code?: 'DEPLOY_DEADLINE' | 'LOOK_DEADLINE' | 'UNINSTALL_DEADLINE' },
  work: (step: Step, hold: Hold) => Promise<T>,
): Promise<T> {
  let doing = 'beginning';
  let over: AppError | null = null;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    over = new AppError(code, { ...limit, doing });
    reject(over);
  }, limit.seconds * 1000);
  const step: Step = (next) => {
    if (over) throw over;
    doing = next;
  };
  const held: (() => void)[] = [];
  let done = false;
  const hold: Hold = (letGo) => void (done ? letGo() : held.push(letGo));
  try {
    return await Promise.race([work(step, hold), promise]);
  } finally {
    clearTimeout(timer);
    done = true;
    for (const letGo of held) letGo();
  }
}
