/** After the first time; with two datagrams each, chance alone does not lose them all. */
const MORE_ROUNDS = 2;

/** `silent` among the details of what let nobody in: it may be that only our datagrams were lost. */
export const SILENT = 'yes';

/**
 * A question that whoever wants to be left alone does not answer: asked again while it answers `control`. Null: no
 * answer; `sure`: and that not because nothing came through.
 */
export async function askSurely<T>(
  ask: () => Promise<T | null | undefined>,
  control: () => Promise<boolean>,
): Promise<{ said: T | null; sure: boolean }> {
  for (let round = 0; ; round++) {
    const said = await ask();
    if (said !== null && said !== undefined) return { said, sure: true };
    if (round === MORE_ROUNDS) return { said: null, sure: true };
    if (!(await control())) return { said: null, sure: false };
  }
}
