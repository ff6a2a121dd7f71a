import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSshKey } from '../../../host/ssh/testing/keys.ts';
import { testSshServer, type TestSshServer } from '../../../host/ssh/testing/server.ts';
import { testTree, type TestTree } from '../../../host/steps/testing.ts';
import { consistencyProof, note, treeRoot } from '../../../host/tasks/testing/merkle.ts';
import { rawKey } from '../../../host/tasks/testing/people.ts';
import type { AlarmRequest } from '../../../model/agent.ts';
import type { Change } from '../../../model/change.ts';
import type { JobHandlers, Platform } from '../../../platform/context.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { createAudit, type Audit } from '../../audit/index.ts';
import { createDiscovery, type Discovery } from '../../discovery/index.ts';
import { addScope } from '../../discovery/testing/index.ts';
import { addCredential } from '../../enrollment/credentials.ts';
import { createDeployment } from '../../enrollment/make-deployment.ts';
import { createEnrollment, type Enrollment } from '../../enrollment/index.ts';
import { createImpact } from '../../impact/index.ts';
import { advance, tick } from '../advance.ts';
import { approveChange } from '../approve.ts';
import { AUTHORITY_KINDS } from '../authorities/registry.ts';
import { updateCampaign } from '../campaigns.ts';
import { RevocationLists } from '../../../platform/pki/revocation-list.ts';
import type { Deps } from '../deps.ts';
import { workOverSsh } from '../over-ssh.ts';
import { createChange } from '../planning.ts';
import { viewChange } from '../view.ts';
import { ANNA, Approver, OLGA } from './estate.ts';

/** One of each: a file, a line in a file, packages in one transaction, a service. */
const KIT = `
kit: tidy
version: 1.0.0
title: Tidy hosts
summary: What every host has to have.
checks:
  - kind: host
    id: root-login
    title: Root may log in
    severity: high
    why: For tests.
    when: "'permitrootlogin' in facts.settings.sshd"
    expect: facts.settings.sshd.permitrootlogin == 'no'
remediate:
  - id: tidy-up
    fixes: [root-login]
    steps:
      - { kind: upgrade-packages, packages: ['nodejs=0.10.48-1'] }
      - { kind: write-file, path: /etc/issue, content: "Keep out.\\n", mode: '0644' }
      - { kind: set-file-line, path: /etc/ssh/sshd_config, key: PermitRootLogin, separator: ' ', value: 'no' }
      - { kind: service, name: shop.service, action: restart }
texts: { risk: Nobody knows. }
`;
export const TIDY_FILES = {
  'etc/ssh/sshd_config': 'Port 22\nPermitRootLogin yes\n',
  'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
  'proc/sys/kernel/osrelease': '6.1.0\n',
  'proc/stat': 'btime 1700000000\n',
  'proc/net/tcp': '  sl  local_address\n',
  'usr/bin/id': "#!/bin/sh\nprintf '0'\n",
};

export interface SshTestHost {
  name: string;
  hostId: string;
  tree: TestTree;
  server: TestSshServer;
  /** the same machine, after its SSH server was away */
  back(): Promise<void>;
}

/** Hosts without an agent, and everything real but the authority: SSH servers, looks, enrollment, audit, change. */
export interface SshEstate {
  platform: TestPlatform;
  deps: Deps;
  audit: Audit;
  discovery: Discovery;
  enrollment: Enrollment;
  anna: Approver;
  /** approvers who came after the hosts were adopted */
  added: Approver[];
  /** this worker is to end; the next one begins */
  stop(): void;
  start(): void;
  /** entries of the trail; a test may rewrite them */
  trail: string[];
  alarms: AlarmRequest[];
  later(ms: number): void;
  addHost(name: string): Promise<SshTestHost>;
  adopt(host: SshTestHost): Promise<void>;
  /** by Anna unless somebody else is named */
  approved(hosts: SshTestHost[], by?: Approver): Promise<Change>;
  /** runs jobs until the change is over, or time is up; `ahead`: also those that are to start later, at once */
  settle(changeId: string, how?: { seconds?: number; ahead?: boolean }): Promise<Change>;
  close(): Promise<void>;
}

/** `net`: third byte of the loopback addresses, so that test files do not meet. */
export async function sshEstate(net: number): Promise<SshEstate> {
  let shift = 0;
  // One connection: whoever asks for a second one inside a transaction waits for ever, and the test shows it.
  const platform = await testPlatform({
    now: () => new Date(Date.now() + shift),
    config: { databasePool: 1, deploySeconds: 60 },
  });
  const kitsDir = kits();
  const anna = new Approver(ANNA);
  const added: Approver[] = [];
  const { withKeys, stop, start } = ofOneWorker(platform, () => [anna, ...added]);
  const trail = ['genesis'];
  const { checkpoint, keyLine } = testTrail(trail);
  const discovery = createDiscovery(platform);
  const enrollment = createEnrollment(withKeys, discovery, async () => keyLine());
  const audit = createAudit(platform, discovery, { kitsDir, agentless: enrollment });
  const alarms: AlarmRequest[] = [];
  const deps: Deps = {
    platform: withKeys,
    discovery,
    enrollment,
    audit,
    impact: createImpact(platform, discovery, audit),
    authorities: AUTHORITY_KINDS,
    lists: new RevocationLists(),
    history: { checkpoint, alarm: async (_at, alarm) => void alarms.push(alarm) },
  };
  platform.handle({ ...enrollment.jobs, ...audit.jobs, ...changeJobs(deps) });
  await addScope(platform, { cidrs: [`127.77.${net}.0/24`], ports: '1-65535' });
  const hosts: SshTestHost[] = [];
  const adopt = async (host: SshTestHost): Promise<void> => {
    const how = { hostIds: [host.hostId], credentials: ['ops'], force: true, acceptHostKey: false, agentless: true };
    await createDeployment(platform, discovery, OLGA, how);
    await platform.drain();
  };
  return {
    platform,
    deps,
    audit,
    discovery,
    enrollment,
    anna,
    added,
    stop,
    start,
    trail,
    alarms,
    later: (ms) => void (shift += ms),
    addHost: (name) => addHost({ platform, discovery, hosts, adopt }, net, name),
    adopt,
    approved: (some, by = anna) => approved(deps, by, some),
    settle: (changeId, how) => settle(platform, deps, changeId, how),
    close: async () => {
      await Promise.all(hosts.map(removeHost));
      await platform.close();
      rmSync(kitsDir, { recursive: true, force: true });
    },
  };
}

async function removeHost({ server, tree }: SshTestHost): Promise<void> {
  await server.close();
  tree.remove();
}

/** The platform as one worker has it, that may be told to end, with these approvers. */
function ofOneWorker(
  platform: TestPlatform,
  approvers: () => Approver[],
): { withKeys: Platform; stop(): void; start(): void } {
  let ending = new AbortController();
  const approverKeys = async (): Promise<Approver['key'][]> =>
    approvers().flatMap((one) => (one.revoked ? [] : [one.key]));
  const withKeys: Platform = Object.defineProperty(Object.assign({}, platform, { approverKeys }), 'stopping', {
    get: () => ending.signal,
  });
  return { withKeys, stop: () => ending.abort(), start: () => void (ending = new AbortController()) };
}

function kits(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lastember-kits-'));
  mkdirSync(join(directory, 'tidy'));
  writeFileSync(join(directory, 'tidy/kit.yaml'), KIT);
  return directory;
}

const changeJobs = (deps: Deps): JobHandlers => ({
  'change.advance': ({ changeId }) => advance(deps, changeId),
  'change.over-ssh': ({ hostId }) => workOverSsh(deps, hostId),
  'change.campaign': ({ kit }) => updateCampaign(deps, kit),
  'change.tick': () => tick(deps),
});

function testTrail(trail: string[]): { checkpoint: Deps['history']['checkpoint']; keyLine(): string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const made = (): ReturnType<typeof note> => {
    const body = `lastember.test\n${trail.length}\n${treeRoot(trail).toString('base64')}\n`;
    return note(body, 'lastember.test', privateKey, rawKey(publicKey));
  };
  return {
    checkpoint: async (size) => ({ checkpoint: made().text, consistency: consistencyProof(size, trail) }),
    keyLine: () => made().keyLine,
  };
}

interface Parts {
  platform: TestPlatform;
  discovery: Discovery;
  hosts: SshTestHost[];
  adopt(host: SshTestHost): Promise<void>;
}

async function addHost(parts: Parts, net: number, name: string): Promise<SshTestHost> {
  const { platform, discovery, hosts, adopt } = parts;
  const tree = testTree(TIDY_FILES);
  const address = `127.77.${net}.${10 + hosts.length}`;
  const hostKey = newSshKey().private;
  const begin = (port = 0): Promise<TestSshServer> =>
    testSshServer({
      root: tree.root,
      username: 'ops',
      password: 'secret',
      path: `${join(tree.root, 'usr/bin')}:${join(tree.root, 'usr/sbin')}`,
      hostKey,
      address,
      port,
    });
  const server = await begin();
  const { hostId } = await discovery.probeNow(address, server.port);
  const host: SshTestHost = {
    name,
    hostId,
    tree,
    server,
    back: async () => {
      host.server = await begin(server.port);
    },
  };
  if (hosts.length === 0) {
    const login = { kind: 'password' as const, name: 'ops', username: 'ops', password: 'secret' };
    await addCredential(platform, discovery, OLGA, { ...login, for: [`127.77.${net}.0/24`] } as never);
  }
  hosts.push(host);
  await adopt(host);
  return host;
}

async function approved(deps: Deps, by: Approver, some: SshTestHost[]): Promise<Change> {
  const hosts = some.map((one) => one.hostId);
  const { change } = await createChange(deps, OLGA, { kit: 'tidy', title: 'Tidy up', reason: 'a test', hosts });
  const approval = by.approve(change.id, change.planDigest!, deps.platform.now().toISOString());
  return approveChange(deps, by.actor, change.id, approval);
}

const OVER = ['closed', 'failed', 'rolled-back', 'cancelled'];

async function settle(
  platform: TestPlatform,
  deps: Deps,
  changeId: string,
  { seconds = 60, ahead = false }: { seconds?: number; ahead?: boolean } = {},
): Promise<Change> {
  const { enrollment, audit } = deps;
  const until = Date.now() + seconds * 1000;
  for (;;) {
    // Verifying waits for looks, which other workers make.
    let working = true;
    const first = platform.drain({ ahead }).finally(() => (working = false));
    while (working) {
      for (const hostId of await enrollment.dueForLook(10)) await audit.jobs['audit.collect']!({ hostId });
      await sleep(50);
    }
    await first;
    const change = await viewChange(deps, changeId);
    if (OVER.includes(change.state) || Date.now() > until) return change;
    await sleep(100);
  }
}
