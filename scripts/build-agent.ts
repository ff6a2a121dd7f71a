/**
 * Bundles the agent into dist/agent/lastember-agent.cjs, for a Node that a host has. Refuses to build when anything of
 * the server got into it.
 *
 * `--one-file` also makes dist/agent/lastember-agent-linux-ARCH, with our own Node in it: for this machine, or with
 * `--arch arm64` (`x64`) for another, given its runtime (`--runtime FILE`, or the package node-linux-ARCH).
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { runtimeFor } from '../src/loop/enrollment/runtime.ts';
import { makeOneFile } from '../src/loop/enrollment/onefile/pack.ts';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist/agent/lastember-agent.cjs');
/** The agent trusts nothing but its own code, the host library, how one looks at a machine from outside, and the vocabulary. */
const ALLOWED = /^(?:src\/(?:agent|host|model|scan)|node_modules)\//;
/** Servers connect to hosts over SSH; agents never do. */
const BANNED = /^src\/host\/ssh\/|^node_modules\/(?:ssh2|cpu-features|asn1)\//;

const { values } = parseArgs({
  options: { 'one-file': { type: 'boolean', default: false }, arch: { type: 'string' }, runtime: { type: 'string' } },
});
const arch = values.arch ?? process.arch;
if (arch !== 'x64' && arch !== 'arm64') throw new Error(`--arch ${arch}: the agent is made for x64 and arm64`);

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
  // The second line is how others know the version without running it.
  banner: { js: `#!/usr/bin/env node\n// lastember-agent ${version}` },
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
    `dist/agent/lastember-agent.cjs: ${Math.round((output?.bytes ?? 0) / 1024)} KiB from ${inputs.length} files, SHA-256 ${createHash('sha256').update(readFileSync(OUT)).digest('hex')}`,
  );
}

if (process.exitCode === undefined && (values['one-file'] || values.arch !== undefined)) {
  const runtime = values.runtime ?? runtimeFor(arch);
  if (runtime === null)
    throw new Error(
      `No runtime for ${arch}: npm install --no-save --force --cpu ${arch} node-linux-${arch}@${process.versions.node}`,
    );
  const { bytes } = await makeOneFile({ program: readFileSync(OUT), runtime });
  const name = `dist/agent/lastember-agent-linux-${arch}`;
  writeFileSync(join(ROOT, name), bytes, { mode: 0o755 });
  console.log(`${name}: ${(bytes.length / 1e6).toFixed(1)} MB`);
}
