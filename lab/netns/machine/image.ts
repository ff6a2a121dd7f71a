import { join } from 'node:path';
import { bounded } from '../bounded.ts';
import { hostDir, type Place } from '../place.ts';
import type { HostSpec } from '../spec.ts';

const SCRIPT = join(import.meta.dirname, 'image.sh');
/** Sparse: what it takes is what is written to it. */
const MEGABYTES = 3072;

export const diskOf = (place: Place, host: string): string => join(hostDir(place, host), 'disk.img');

/** The disk that a machine boots from, out of the same files that other hosts have as their root. */
export async function makeDisk(place: Place, { name }: HostSpec, lower: readonly string[]): Promise<void> {
  const argv = ['/bin/bash', SCRIPT, hostDir(place, name), lower.join(':'), `${MEGABYTES}`];
  const ran = await bounded(place, `disk of ${name}`, argv);
  if (ran.code !== 0)
    throw new Error(`The disk of ${name} cannot be made: ${(ran.stderr || ran.stdout).trim().slice(-800)}`);
}
