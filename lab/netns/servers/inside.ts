import { join } from 'node:path';
import { must } from '../command.ts';
import { netnsPath, type Place } from '../place.ts';
import type { Truth } from './judge.ts';
import type { LookInput, LookResult } from './look.ts';
import { addressOf } from './start.ts';

const LOOK = join(import.meta.dirname, 'look.ts');

/** Our scan of everything that is up: each address, each port that any of the servers has. */
export async function lookInside(place: Place, truths: readonly Truth[]): Promise<LookResult> {
  const input: LookInput = {
    addresses: [...new Set(truths.map(({ server }) => addressOf(server)))],
    ports: [...new Set(truths.filter(({ udp }) => !udp).map(({ port }) => port))],
    udp: truths.filter(({ udp }) => udp).map(({ server, port }) => ({ address: addressOf(server), port })),
  };
  const argv = ['nsenter', `--net=${netnsPath(place.name)}`, process.execPath, LOOK];
  return JSON.parse(await must(argv, { input: JSON.stringify(input) })) as LookResult;
}
