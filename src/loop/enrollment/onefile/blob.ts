import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Young objects in one megabyte: the agent makes few, and what it does not hold it gives back. */
const EXEC_ARGV = ['--max-semi-space-size=1'];

/** The program as the runtime takes it into itself; made by our own runtime, which must be of the same version. */
export async function programBlob(program: Uint8Array): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'lastember-one-file-'));
  try {
    await writeFile(join(dir, 'main.cjs'), program);
    await writeFile(join(dir, 'program.sha256'), createHash('sha256').update(program).digest('hex'));
    const config = {
      // Its name goes into the blob: the same program gives the same bytes, wherever it was made.
      main: 'main.cjs',
      output: 'blob',
      disableExperimentalSEAWarning: true,
      // Compiled code differs from run to run, and installers promise a digest; without it nothing starts slower.
      useCodeCache: false,
      execArgv: EXEC_ARGV,
      execArgvExtension: 'none',
      // By which the program that was installed knows itself; see src/agent/program.ts.
      assets: { 'program.sha256': 'program.sha256' },
    };
    await writeFile(join(dir, 'config.json'), JSON.stringify(config));
    await promisify(execFile)(process.execPath, ['--experimental-sea-config', 'config.json'], {
      cwd: dir,
      env: {},
      timeout: 60_000,
    });
    return await readFile(join(dir, 'blob'));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
