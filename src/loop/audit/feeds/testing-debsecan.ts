import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `id package`, one a line, as debsecan has it of a dpkg status file; null: it is not on this machine. */
export function debsecan(status: string | Buffer, { data, suite }: { data: string; suite: string }): string[] | null {
  const directory = mkdtempSync(join(tmpdir(), 'lastember-debsecan-'));
  try {
    const path = join(directory, 'status');
    writeFileSync(path, status);
    const argv = ['--source', `file://${data}`, '--suite', suite, '--status', path];
    const told = spawnSync('debsecan', argv, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if ((told.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null;
    if (told.error || told.status !== 0) throw new Error(`debsecan: ${told.error?.message ?? told.stderr}`);
    const lines = told.stdout.trim().split('\n');
    return lines.map((line) => line.split(' ').slice(0, 2).join(' ')).toSorted();
  } finally {
    rmSync(directory, { recursive: true });
  }
}
