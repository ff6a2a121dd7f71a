import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AGENT_UNIT } from '../../../model/agent-paths.ts';
import { AppError } from '../../../model/errors/index.ts';
import type { Platform } from '../../../platform/context.ts';
import { authorityCertificate } from '../authority.ts';
import { BUNDLE } from '../bundle.ts';
import { agentFiles } from '../logic/agent-files.ts';
import { NEEDED_MB } from '../logic/space.ts';
import { packedRuntime } from './packed-runtime.ts';

const TEMPLATE = join(import.meta.dirname, 'install.sh');
const BUNDLE_NAME = 'lastember-agent.cjs';
const RUNTIME_NAME = `node-${process.arch}.gz`;

/** /etc/lastember/agent.json of a host that enrolls with this token, or of an image that is given one later. */
export function agentConfig(given: { server: string; ca: string; token?: string }): string {
  const { server, ca, token } = given;
  const config = { server: `https://${server}`, ca, ...(token ? { token } : {}), stateDir: agentFiles().state };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The file of that name that a host may fetch, or null. */
export async function fileFor(platform: Platform, name: string): Promise<string | null> {
  if (name === BUNDLE_NAME) return BUNDLE;
  return name === RUNTIME_NAME ? packedRuntime(platform.config.dataDir) : null;
}

export interface Installer {
  text: string;
  sha256: string;
  /** certificate of the agents' authority, PEM */
  ca: string;
}

/** The installer of this server, the same for every host: it names the authority and the digests of what it fetches. */
export async function installer(platform: Platform): Promise<Installer> {
  const ca = await authorityCertificate(platform);
  const bundle = await digest(BUNDLE).catch((cause: unknown) => {
    throw new AppError('AGENT_BUNDLE_MISSING', {}, { cause });
  });
  const files = agentFiles('@NODE@');
  const at = (from: 'bundle' | 'runtime'): string => files.program.find((file) => file.from === from)!.path;
  const values: Record<string, string> = {
    SERVER: `https://${platform.config.agentAddress}`,
    CA: ca.trimEnd(),
    CA_JSON: JSON.stringify(ca),
    BUNDLE: at('bundle'),
    BUNDLE_NAME,
    BUNDLE_SHA256: bundle,
    RUNTIME: at('runtime'),
    RUNTIME_NAME,
    RUNTIME_ARCH: process.arch,
    RUNTIME_SHA256: await digest(process.execPath),
    CONFIG: files.config,
    STATE: files.state,
    UNIT_PATH: files.unit.path,
    UNIT_NAME: AGENT_UNIT,
    UNIT: files.unit.text.trimEnd(),
    NEED_ALL: String(NEEDED_MB.withRuntime),
    NEED_BUNDLE: String(NEEDED_MB.bundleOnly),
  };
  const template = await readFile(TEMPLATE, 'utf8');
  const text = template.replace(/@@([A-Z_0-9]+)@@/g, (_, name: string) => values[name]!);
  return { text, sha256: createHash('sha256').update(text).digest('hex'), ca };
}

const digests = new Map<string, { at: number; sha256: string }>();

/** Read again only when the file is another one. */
async function digest(path: string): Promise<string> {
  const at = (await stat(path)).mtimeMs;
  const known = digests.get(path);
  if (known?.at === at) return known.sha256;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const sha256 = hash.digest('hex');
  digests.set(path, { at, sha256 });
  return sha256;
}
