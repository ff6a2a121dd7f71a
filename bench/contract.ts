import { spawnSync } from 'node:child_process';

/** One round: how much each got done per second (higher is better), measured one after the other in the same run. */
export interface Measured {
  ours: number;
  peer: number;
}

/** One claim, as a ratio against a named peer. */
export interface Bench {
  name: string;
  claim: string;
  /** the ratio ours / peer that we claim */
  target: number;
  /** what the figures count, where it is not things per second */
  unit?: string;
  /** what else was measured, a line each */
  figures?(): string[];
  /** why it cannot run here, or null */
  missing(): string | null;
  run(rounds: number, size: number): Promise<Measured[]>;
}

export function commandExists(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}
