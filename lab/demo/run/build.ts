import { spawn } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');

interface Artifact {
  what: string;
  output: string;
  sources: string[];
  argv: string[];
}

const ARTIFACTS: Artifact[] = [
  {
    what: 'the agent',
    output: 'dist/agent/lastember-agent.cjs',
    sources: ['src/{agent,host,model}/**/*.ts', 'scripts/build-agent.ts', 'package-lock.json'],
    argv: ['scripts/build-agent.ts'],
  },
  {
    what: 'the console',
    output: 'dist/console/index.html',
    sources: ['src/{console,model,client}/**/*', 'package-lock.json'],
    argv: ['node_modules/vite/bin/vite.js', 'build', 'src/console'],
  },
];

/** Builds what a checkout does not have yet, or has older than its sources; quick when there is nothing to do. */
export async function buildArtifacts(say: (text: string) => void): Promise<void> {
  await Promise.all(
    ARTIFACTS.filter(isStale).map(async (artifact) => {
      const from = Date.now();
      await runNode(artifact);
      say(`built ${artifact.what} in ${((Date.now() - from) / 1000).toFixed(1)} s`);
    }),
  );
}

function isStale({ output, sources }: Artifact): boolean {
  const path = join(ROOT, output);
  if (!existsSync(path)) return true;
  const built = statSync(path).mtimeMs;
  return globSync(sources, { cwd: ROOT }).some((file) => statSync(join(ROOT, file)).mtimeMs > built);
}

function runNode({ argv, what }: Artifact): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Building ${what} (node ${argv.join(' ')}) ended with ${code}:\n${said.trim()}`));
    });
  });
}
