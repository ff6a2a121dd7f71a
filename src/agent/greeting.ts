/**
 * Says that we are there, every now and then, while something is done that takes its time: a look at a host in trouble
 * takes minutes, and whoever says nothing for so long counts as lost.
 */
export async function greeting<T>(
  greet: () => Promise<unknown>,
  everyMs: () => number,
  work: () => Promise<T>,
): Promise<T> {
  let isOver = false;
  const goOn = (): NodeJS.Timeout => setTimeout(() => void again(), everyMs());
  const again = async (): Promise<void> => {
    await greet().catch(() => null);
    if (!isOver) timer = goOn();
  };
  let timer = goOn();
  try {
    return await work();
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
