/**
 * `npm run build:packages [-- --out DIR] [--fast]`: the agent as .deb and .rpm for this architecture, in dist/packages.
 * Formats whose tool (dpkg-deb, rpmbuild) is not installed are left out, and said to be; none at all is an error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb } from './packages/deb.ts';
import { buildRpm } from './packages/rpm.ts';

const ROOT = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { out: { type: 'string', default: join(ROOT, 'dist/packages') }, fast: { type: 'boolean', default: false } },
});
const FORMATS = [
  { name: '.deb', tool: 'dpkg-deb', from: 'dpkg', build: buildDeb },
  { name: '.rpm', tool: 'rpmbuild', from: 'rpm', build: buildRpm },
];

if (!existsSync(join(ROOT, 'dist/agent/lastember-agent.cjs'))) await import('./build-agent.ts');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
let built = 0;
for (const { name, tool, from, build } of FORMATS) {
  if (spawnSync(tool, ['--version']).status !== 0) {
    console.log(`no ${name}: ${tool} is not installed (Debian package ${from})`);
    continue;
  }
  const file = await build(out, version, values.fast);
  console.log(`${file}: ${Math.round(statSync(file).size / 1_048_576)} MiB`);
  built += 1;
}
if (built === 0) process.exitCode = 1;
