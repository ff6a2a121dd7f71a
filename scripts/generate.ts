/**
 * Writes what is made from code: the API client's types, and the references in docs/reference. `--check` writes nothing
 * and exits 1 when something is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cliReference } from '../src/cli/reference.ts';
import { compose } from '../src/server/compose.ts';
import { configReference } from '../src/platform/config/index.ts';
import type { Platform } from '../src/platform/context.ts';
import { openApi } from '../src/platform/http/openapi.ts';
import { eventsRoute } from '../src/platform/http/events.ts';
import { clientSource } from './generate/client.ts';
import { apiReference } from './generate/api.ts';
import { kitReference, kitSchema } from './generate/kits.ts';

/** Composing only declares routes; nothing may use the platform before a request comes. This one would say so. */
const untouched = new Proxy({} as Platform, {
  get: (_, name) => {
    if (name === 'now') return () => new Date(0);
    if (name === 'config') return {};
    return untouchedPart(String(name));
  },
});
function untouchedPart(name: string): unknown {
  return new Proxy(() => {}, {
    get: (_, method) => untouchedPart(`${name}.${String(method)}`),
    apply: () => {
      throw new Error(`composing the server called platform.${name}; routes must not need it`);
    },
  });
}

const loop = compose(untouched);
const document = openApi([...loop.auth.routes, ...loop.routes, eventsRoute(untouched.events)]);

const OUTPUTS: Record<string, string> = {
  'src/client/generated.ts': clientSource(document),
  'docs/reference/api.md': apiReference(document),
  'docs/reference/cli.md': cliReference(),
  'docs/reference/config.md': configReference(),
  'docs/reference/kit.schema.json': kitSchema(),
  'docs/reference/kits.md': kitReference(),
};

const check = process.argv.includes('--check');
const stale = Object.entries(OUTPUTS).filter(([path, text]) => read(path) !== text);
for (const [path, text] of stale) {
  console.log(check ? `${path} is out of date` : `wrote ${path}`);
  if (check) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
if (check && stale.length > 0) process.exitCode = 1;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
