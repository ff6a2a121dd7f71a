/**
 * Bundles the agent into dist/agent/lastember-agent.cjs: one file, no dependencies on the host. Refuses to build when
 * anything of the server got into it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist/agent/lastember-agent.cjs');
/** The agent trusts nothing but its own code, the host library, how one looks at a machine from outside, and the vocabulary. */
const ALLOWED = /^(?:src\/(?:agent|host|model|scan)|node_modules)\//;
/** Servers connect to hosts over SSH; agents never do. */
const BANNED = /^src\/host\/ssh\/|^node_modules\/(?:ssh2|cpu-features|asn1)\//;

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const result = await build({
  absWorkingDir: ROOT,
  entryPoints: ['src/agent/bin.ts'],
  outfile: OUT,
  bundle: true,
  platform: 'node',
  target: 'node22.18',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  metafile: true,
  define: { LASTEMBER_AGENT_VERSION: JSON.stringify(version) },
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});

const inputs = Object.keys(result.metafile.inputs);
const strangers = inputs.filter((input) => !ALLOWED.test(input) || BANNED.test(input));
if (strangers.length > 0) {
  rmSync(OUT);
  console.error(`The agent bundle must not hold:\n  ${strangers.join('\n  ')}`);
  process.exitCode = 1;
} else {
  const [output] = Object.values(result.metafile.outputs);
  console.log(
    `dist/agent/lastember-agent.cjs: ${Math.round((output?.bytes ?? 0) / 1024)} KiB from ${inputs.length} files`,
  );
}
