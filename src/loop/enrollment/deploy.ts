import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AGENT_PACKAGE_MARK, AGENT_PATHS } from '../../model/agent-paths.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { authorityCertificate } from './authority.ts';
import { BUNDLE } from './bundle.ts';
import { withinDeadline } from './deadline.ts';
import { mintToken } from './enroll.ts';
import { reach } from './login.ts';
import { sendAgent } from './runtime.ts';
import { prospect, run, type Site } from './site.ts';
import { loginOf, type CredentialRow } from './store-login.ts';
import { agentByHost } from './store.ts';
import { refusalOf } from './store-tokens.ts';

const CHECK_IN_SECONDS = 60;
const AFTER_REFUSAL_SECONDS = 10;
const TOKEN_MINUTES = 15;

interface How {
  credentials: CredentialRow[];
  /** who asked for it */
  by: string;
  /** addresses of the host that may be logged in to */
  allows(address: string): boolean;
  /** told before the first thing is written to the host */
  touch(): Promise<void>;
}

export interface Deployed {
  /** name of the credential that worked */
  credential: string;
  /** what whoever runs the host has to know; null: nothing */
  note: string | null;
}

/** Installs and starts the agent on one host and waits until it enrolled. */
export async function deployTo(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  { credentials, by, allows, touch }: How,
): Promise<Deployed> {
  const program = await readFile(BUNDLE).catch((cause: unknown) => {
    throw new AppError('AGENT_BUNDLE_MISSING', {}, { cause });
  });
  return withinDeadline({ host: host.name, seconds: platform.config.deploySeconds }, async (step, hold) => {
    const { remote, credential } = await reach(platform, discovery, host, credentials, step, allows);
    // Not waited for: a server that is silent would not say goodbye either.
    hold(() => void remote.close().catch(() => undefined));
    const before = await agentByHost(platform.db, host.id);
    const site = { platform, host, remote, step, touch };
    const { note, tokenId } = await install(site, { program, login: loginOf(credential) }, by);
    step('waiting for its agent');
    await waitForAgent(platform, host, before?.id ?? null, tokenId);
    return { credential: credential.name, note };
  });
}

/** Detect first, copy second: nothing is written to a host that cannot run the agent. */
async function install(
  site: Site,
  { program, login }: { program: Buffer; login: ReturnType<typeof loginOf> },
  by: string,
): Promise<{ note: string | null; tokenId: string }> {
  const { platform, host, remote, step, touch } = site;
  step('looking at the machine');
  const { arch, node, service } = await prospect(site);
  if (node === null) await sendAgent({ ...site, arch, program, dataDir: platform.config.dataDir });
  step('making its token');
  const token = await platform.act(
    { kind: 'system', id: 'system', name: `enrollment.deploy for ${by}` },
    {
      type: 'enrollment.token.made',
      subject: { kind: 'token', id: host.id },
      related: [{ kind: 'host', id: host.id, name: host.name }],
      detail: { minutes: TOKEN_MINUTES },
    },
    (tx) => mintToken(platform, tx, { hostId: host.id, minutes: TOKEN_MINUTES }),
  );
  const config = {
    server: `https://${platform.config.agentAddress}`,
    ca: await authorityCertificate(platform),
    token: token.token,
    stateDir: AGENT_PATHS.state,
    login,
  };
  step('copying the agent');
  await touch();
  for (const command of service.stop) await run(host, remote, command, { tolerate: true });
  await remote.mkdir(AGENT_PATHS.dir, 0o755);
  await remote.mkdir(AGENT_PATHS.configDir, 0o700);
  await remote.mkdir(AGENT_PATHS.state, 0o700);
  if (node !== null) await remote.write(AGENT_PATHS.bundle, program, 0o644);
  // What a package brought, its package manager takes away.
  if ((await remote.stat(AGENT_PACKAGE_MARK)) === null) for (const path of leftBehind(node)) await remote.remove(path);
  await remote.write(AGENT_PATHS.config, Buffer.from(`${JSON.stringify(config, null, 2)}\n`), 0o600);
  for (const file of service.files) {
    await remote.mkdir(dirname(file.path), 0o755);
    await remote.write(file.path, Buffer.from(file.text), file.mode);
  }
  step('starting the agent');
  for (const command of service.begin) await run(host, remote, command);
  return { note: service.note, tokenId: token.id };
}

/** Of an agent of another kind that was here before; the runtime is what installer and packages bring. */
const leftBehind = (node: string | null): string[] => [
  node === null ? AGENT_PATHS.bundle : AGENT_PATHS.program,
  AGENT_PATHS.runtime,
];

async function waitForAgent(platform: Platform, host: Host, previous: string | null, tokenId: string): Promise<void> {
  let deadline = Date.now() + CHECK_IN_SECONDS * 1000;
  let refused: string | null = null;
  while (Date.now() < deadline) {
    const agent = await agentByHost(platform.db, host.id);
    if (agent && agent.id !== previous) return;
    const why = await refusalOf(platform.db, tokenId);
    // With another key of its own it may be taken after all.
    if (why !== refused) deadline = Math.min(deadline, Date.now() + AFTER_REFUSAL_SECONDS * 1000);
    refused = why;
    await sleep(100);
  }
  if (refused !== null) throw new AppError('DEPLOY_ENROLL_REFUSED', { host: host.name, why: refused });
  throw new AppError('DEPLOY_NO_CHECK_IN', {
    host: host.name,
    seconds: CHECK_IN_SECONDS,
    server: platform.config.agentAddress,
  });
}
