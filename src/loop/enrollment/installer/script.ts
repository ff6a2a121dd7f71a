import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_PACKAGE_MARK, AGENT_PATHS, AGENT_UNIT } from '../../../model/agent-paths.ts';
import { AppError } from '../../../model/errors/index.ts';
import type { Platform } from '../../../platform/context.ts';
import { authorityCertificate } from '../authority.ts';
import { BUNDLE } from '../bundle.ts';
import { agentFiles } from '../logic/agent-files.ts';
import { NEEDED_MB } from '../logic/space.ts';
import { makeOneFile, packedAgent, type Ingredients } from '../onefile/pack.ts';
import type { Architecture } from '../onefile/compress.ts';

const TEMPLATE = join(import.meta.dirname, 'install.sh');
const BUNDLE_NAME = 'lastember-agent.cjs';
/** As .gz, which every host unpacks, and which is packed in seconds: whoever pasted the line waits. */
const PROGRAM_NAME = `lastember-agent-linux-${process.arch}.gz`;

/** /etc/lastember/agent.json of a host that enrolls with this token, or of an image that is given one later. */
export function agentConfig(given: { server: string; ca: string; token?: string }): string {
  const { server, ca, token } = given;
  const config = { server: `https://${server}`, ca, ...(token ? { token } : {}), stateDir: agentFiles().state };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The file of that name that a host may fetch, or null. */
export async function fileFor(platform: Platform, name: string): Promise<string | null> {
  if (name === BUNDLE_NAME) return BUNDLE;
  if (name !== PROGRAM_NAME) return null;
  return packedAgent(await ingredients(), 'gz', join(platform.config.dataDir, 'cache'));
}

async function ingredients(): Promise<Ingredients> {
  const program = await readFile(BUNDLE).catch((cause: unknown) => {
    throw new AppError('AGENT_BUNDLE_MISSING', {}, { cause });
  });
  return { program, arch: process.arch as Architecture, runtime: process.execPath };
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
  const digests = await digestsOf(await ingredients());
  const files = agentFiles('@COMMAND@');
  const values: Record<string, string> = {
    SERVER: `https://${platform.config.agentAddress}`,
    CA: ca.trimEnd(),
    CA_JSON: JSON.stringify(ca),
    BUNDLE: AGENT_PATHS.bundle,
    BUNDLE_NAME,
    BUNDLE_SHA256: digests.bundle,
    PROGRAM: AGENT_PATHS.program,
    PROGRAM_NAME,
    PROGRAM_ARCH: process.arch,
    PROGRAM_SHA256: digests.program,
    RUNTIME: AGENT_PATHS.runtime,
    PACKAGED: AGENT_PACKAGE_MARK,
    CONFIG: files.config,
    STATE: files.state,
    UNIT_PATH: files.unit.path,
    UNIT_NAME: AGENT_UNIT,
    UNIT: files.unit.text.trimEnd(),
    NEED_PROGRAM: String(NEEDED_MB.oneFile),
    NEED_BUNDLE: String(NEEDED_MB.bundleOnly),
  };
  const template = await readFile(TEMPLATE, 'utf8');
  const text = template.replace(/@@([A-Z_0-9]+)@@/g, (_, name: string) => values[name]!);
  return { text, sha256: sha256(Buffer.from(text)), ca };
}

interface Digests {
  bundle: string;
  /** of the one file, unpacked */
  program: string;
}
let known: { bundle: string; digests: Promise<Digests> } | null = null;

/** Made again only when the program is another one: the one file is a hundred megabytes. */
function digestsOf(given: Ingredients): Promise<Digests> {
  const bundle = sha256(given.program);
  if (known?.bundle !== bundle) {
    const digests = makeOneFile(given).then(({ bytes }) => ({ bundle, program: sha256(bytes) }));
    known = { bundle, digests };
    digests.catch(() => (known = null));
  }
  return known.digests;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
