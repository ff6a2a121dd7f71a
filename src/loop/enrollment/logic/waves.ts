/** So few hosts are one wave: whoever names them watches them. */
const ONE_WAVE = 25;
const FIRST = 5;
const GROWTH = 5;

/**
 * Wave of each of so many hosts, in order: a few first, then five times as many each time, so that what is wrong
 * everywhere (a server address that nobody reaches) breaks few hosts. `size`: as many in every wave.
 */
export function waveOfEach(hosts: number, size?: number): number[] {
  const waves: number[] = [];
  for (let wave = 0, most = size ?? (hosts <= ONE_WAVE ? hosts : FIRST); waves.length < hosts; wave += 1) {
    waves.push(...Array.from({ length: Math.min(most, hosts - waves.length) }, () => wave));
    if (size === undefined) most *= GROWTH;
  }
  return waves;
}
