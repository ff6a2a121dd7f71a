import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { authorityCertificate } from './authority.ts';
import { type Step, withinDeadline } from './deadline.ts';
import { mintToken } from './enroll.ts';
import { AGENT_PATHS, AGENT_UNIT, agentUnit } from './logic/unit.ts';
import { architecture, runsAgent } from './logic/runtime.ts';
import { freeMb, NEEDED_MB } from './logic/space.ts';
import { reach } from './login.ts';
import { sendRuntime } from './runtime.ts';
import { loginOf, type CredentialRow } from './store-login.ts';
import { agentByHost } from './store.ts';

export const AGENT_BUNDLE = join(import.meta.dirname, '../../../dist/agent/lastember-agent.cjs');
const CHECK_IN_SECONDS = 60;
const TOKEN_MINUTES = 15;
/** what a shell answers for a command that is not there */
const NOT_FOUND = 127;

interface How {
  credentials: CredentialRow[];
  /** who asked for it */
  by: string;
  /** addresses of the host that may be logged in to */
  allows(address: string): boolean;
  /** told before the first thing is written to the host */
  touch(): Promise<void>;
}

/** Installs and starts the agent on one host and waits until it enrolled. Returns the name of the credential that worked. */
export async function deployTo(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  { credentials, by, allows, touch }: How,
): Promise<string> {
  const bundle = await readFile(AGENT_BUNDLE).catch((cause: unknown) => {
    throw new AppError('AGENT_BUNDLE_MISSING', {}, { cause });
  });
  return withinDeadline({ host: host.name, seconds: platform.config.deploySeconds }, async (step, hold) => {
    const { remote, credential } = await reach(platform, discovery, host, credentials, step, allows);
    // Not waited for: a server that is silent would not say goodbye either.
    hold(() => void remote.close().catch(() => undefined));
    const before = await agentByHost(platform.db, host.id);
    await install({ platform, host, remote, step, touch }, { bundle, login: loginOf(credential) }, by);
    step('waiting for its agent');
    await waitForAgent(platform, host, before?.id ?? null);
    return credential.name;
  });
}

interface Site {
  platform: Platform;
  host: Host;
  remote: SshHost;
  step: Step;
  touch(): Promise<void>;
}

/** Detect first, copy second: nothing is written to a host that cannot run the agent. */
async function install(
  { platform, host, remote, step, touch }: Site,
  { bundle, login }: { bundle: Uint8Array; login: ReturnType<typeof loginOf> },
  by: string,
): Promise<void> {
  step('looking at the machine');
  const runtime = await prepareRuntime({ platform, host, remote, step, touch });
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
  await run(host, remote, ['systemctl', 'stop', AGENT_UNIT], { tolerate: true });
  await remote.mkdir('/opt/lastember', 0o755);
  await remote.mkdir('/etc/lastember', 0o700);
  await remote.mkdir(AGENT_PATHS.state, 0o700);
  await remote.write(AGENT_PATHS.bundle, bundle, 0o644);
  await remote.write(AGENT_PATHS.config, Buffer.from(`${JSON.stringify(config, null, 2)}\n`), 0o600);
  await remote.write(AGENT_PATHS.unit, Buffer.from(agentUnit(runtime)), 0o644);
  step('starting the agent');
  await run(host, remote, ['systemctl', 'daemon-reload']);
  await run(host, remote, ['systemctl', 'enable', '--now', AGENT_UNIT]);
}

/** The host's own Node when it is new enough, else ours, transferred. Returns its path on the host. */
async function prepareRuntime({ platform, host, remote, step, touch }: Site): Promise<string> {
  const [system, machine, uid] = [
    await run(host, remote, ['uname', '-s']),
    await run(host, remote, ['uname', '-m']),
    await run(host, remote, ['id', '-u']),
  ];
  const arch = architecture(machine);
  if (system.trim() !== 'Linux' || !arch)
    throw new AppError('DEPLOY_PLATFORM', { host: host.name, platform: `${system.trim()} ${machine.trim()}` });
  if (uid.trim() !== '0') throw new AppError('DEPLOY_NOT_ROOT', { host: host.name, uid: uid.trim() });
  if ((await remote.exec(['systemctl', '--version'], { timeoutMs: 15_000 })).code === NOT_FOUND)
    throw new AppError('DEPLOY_NO_SERVICE_MANAGER', { host: host.name });
  for (const path of ['/usr/bin/node', '/usr/local/bin/node']) {
    const found = await remote.exec([path, '--version'], { timeoutMs: 15_000 });
    if (found.code !== 0 || !runsAgent(found.stdout)) continue;
    await mustHaveRoom(host, remote, NEEDED_MB.bundleOnly);
    return path;
  }
  if (arch !== process.arch)
    throw new AppError('DEPLOY_NO_RUNTIME', { host: host.name, have: process.arch, need: arch });
  await mustHaveRoom(host, remote, NEEDED_MB.withRuntime);
  step('copying the runtime');
  await touch();
  await remote.mkdir('/opt/lastember', 0o755);
  await sendRuntime({ remote, host: host.name }, AGENT_PATHS.runtime, platform.config.dataDir);
  return AGENT_PATHS.runtime;
}

/** Before anything is written: a disk that is full half-way takes the host's own services with it. */
async function mustHaveRoom(host: Host, remote: SshHost, need: number): Promise<void> {
  const path = (await remote.stat('/opt'))?.kind === 'directory' ? '/opt' : '/';
  const told = await remote.exec(['df', '-Pk', path], { timeoutMs: 15_000 });
  // Where nobody can tell, writing will.
  const free = told.code === 0 ? freeMb(told.stdout) : null;
  if (free !== null && free < need) throw new AppError('DEPLOY_NO_SPACE', { host: host.name, path, free, need });
}

async function run(host: Host, remote: SshHost, argv: string[], options: { tolerate?: boolean } = {}): Promise<string> {
  const result = await remote.exec(argv, { timeoutMs: 60_000 });
  if (result.code !== 0 && !options.tolerate)
    throw new AppError('DEPLOY_COMMAND', {
      host: host.name,
      command: argv.join(' '),
      why: (result.stderr || result.stdout).trim().slice(0, 300) || `exit code ${result.code}`,
    });
  return result.stdout;
}

async function waitForAgent(platform: Platform, host: Host, previous: string | null): Promise<void> {
  const deadline = Date.now() + CHECK_IN_SECONDS * 1000;
  while (Date.now() < deadline) {
    const agent = await agentByHost(platform.db, host.id);
    if (agent && agent.id !== previous) return;
    await sleep(100);
  }
  throw new AppError('DEPLOY_NO_CHECK_IN', {
    host: host.name,
    seconds: CHECK_IN_SECONDS,
    server: platform.config.agentAddress,
  });
}
