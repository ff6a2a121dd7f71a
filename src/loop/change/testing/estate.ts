import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAuthority } from '../../../../lab/demo/ca/index.ts';
import type { Authority } from '../../../../lab/demo/ca/client.ts';
import { sql } from 'kysely';
import type { Actor } from '../../../model/actor.ts';
import type { Finding } from '../../../model/finding.ts';
import type { Change } from '../../../model/change.ts';
import { Entry } from '../../../model/trail.ts';
import { approveChange } from '../approve.ts';
import { createChange } from '../planning.ts';
import type { Approval, ApproverKey } from '../../../model/plan.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { KITS_DIR, loadKits } from '../../audit/kit-tools/parse.ts';
import { createDiscovery, type Discovery } from '../../discovery/index.ts';
import { addScope } from '../../discovery/testing/index.ts';
import type { AgentRecord, Enrollment } from '../../enrollment/index.ts';
import { createImpact } from '../../impact/index.ts';
import { addAuthority } from '../authorities.ts';
import { AUTHORITY_KINDS } from '../authorities/registry.ts';
import { RevocationLists } from '../../../platform/pki/revocation-list.ts';
import type { Deps } from '../deps.ts';
import { canonical } from '../logic/canonical.ts';
import { openFinding } from '../logic/testing.ts';
import { advance } from '../advance.ts';
import { takeOutcomes, tasksFor } from '../agents.ts';
import { changeById } from '../store.ts';
import { FakeAudit } from './audit.ts';
import { TestHost } from './host.ts';

export const OLGA: Actor = { kind: 'user', id: 'user_olga', name: 'Olga', role: 'operator' };
export const ANNA: Actor = { kind: 'user', id: 'user_anna', name: 'Anna', role: 'approver' };
export const ADAM: Actor = { kind: 'user', id: 'user_adam', name: 'Adam', role: 'admin' };

export class Approver {
  readonly actor: Actor;
  readonly secret: KeyObject = generateKeyPairSync('ed25519').privateKey;
  readonly key: ApproverKey;
  revoked = false;
  constructor(actor: Actor) {
    this.actor = actor;
    const { x } = createPublicKey(this.secret).export({ format: 'jwk' });
    const raw = Buffer.from(x!, 'base64url');
    const keyId = createHash('sha256').update(raw).digest('hex').slice(0, 16);
    this.key = { keyId, person: actor.id, name: `${actor.name}'s key`, publicKey: raw.toString('base64') };
  }
  approve(changeId: string, plan: string, approvedAt = new Date().toISOString()): Approval {
    const statement = { type: 'lastember/approval/v1' as const, changeId, plan, keyId: this.key.keyId, approvedAt };
    return { statement, signature: sign(null, Buffer.from(canonical(statement)), this.secret).toString('base64') };
  }
}

export interface TestEstate {
  platform: TestPlatform;
  deps: Deps;
  audit: FakeAudit;
  discovery: Discovery;
  authority: Authority;
  approvers: { anna: Approver; adam: Approver; olga: Approver };
  hosts: TestHost[];
  /** moves the clock of the platform */
  later(ms: number): void;
  /** a host with its server running, found by discovery, with an agent, and its findings open */
  addHost(name: string, how?: { key?: string; version?: string; managed?: boolean }): Promise<TestHost>;
  /** plans for these hosts, approved by Anna */
  approved(hosts: TestHost[]): Promise<Change>;
  /** ledger entries of the change, oldest first */
  entries(changeId: string): Promise<Entry[]>;
  /** everything that is waiting is done: jobs by the worker, assignments by the hosts; ends when nothing moves */
  settle(changeId: string, rounds?: number): Promise<void>;
  close(): Promise<void>;
}

/** `net`: third byte of the loopback addresses, so that test files do not meet. */
export async function testEstate(net: number): Promise<TestEstate> {
  let shift = 0;
  // One connection: whoever asks for a second one inside a transaction waits for ever, and the test shows it.
  const platform = await testPlatform({ now: () => new Date(Date.now() + shift), config: { databasePool: 1 } });
  const address = `127.77.${net}.2`;
  const started = await startAuthority({ address, port: 9000, tlsPort: 9443, provisioner: 'test' });
  const { authority } = started;
  const audit = new FakeAudit(loadKits(KITS_DIR));
  const approvers = { anna: new Approver(ANNA), adam: new Approver(ADAM), olga: new Approver(OLGA) };
  const agents = new Map<string, AgentRecord>();
  const deps = wire(platform, audit, approvers, agents);
  await addScope(platform, { cidrs: [`127.77.${net}.0/24`], ports: '1-65535' });
  await addAuthority(deps.platform, AUTHORITY_KINDS, ADAM, {
    name: 'test-ca',
    kind: 'step-ca',
    url: authority.url,
    provisioner: authority.provisioner,
    key: JSON.stringify(authority.provisionerKey),
  });
  const hosts: TestHost[] = [];
  const { discovery } = deps;
  audit.judge = (hostId) => judge(audit, hosts, hostId);
  return {
    platform,
    deps,
    audit,
    discovery,
    authority,
    approvers,
    hosts,
    later: (ms) => void (shift += ms),
    addHost: (name, how = {}) => addHost({ discovery, audit, agents, hosts, authority, platform }, net, name, how),
    approved: (some) => approved(deps, approvers.anna, some),
    entries: (changeId) => entriesOf(platform, changeId),
    settle: (changeId, rounds) => settle(deps, audit, hosts, changeId, rounds),
    close: async () => {
      for (const host of hosts) await host.stop();
      await started.process.stop();
      await platform.close();
    },
  };
}

function wire(
  platform: TestPlatform,
  audit: FakeAudit,
  approvers: TestEstate['approvers'],
  agents: Map<string, AgentRecord>,
): Deps {
  const discovery = createDiscovery(platform);
  const withKeys = Object.assign({}, platform, {
    approverKeys: async () => Object.values(approvers).flatMap((one) => (one.revoked ? [] : [one.key])),
  });
  const enrollment = agentsOnly(agents);
  const impact = createImpact(platform, discovery, audit);
  const lists = new RevocationLists();
  const history = { checkpoint: unasked, alarm: unasked };
  return { platform: withKeys, discovery, enrollment, audit, impact, authorities: AUTHORITY_KINDS, lists, history };
}

async function approved(deps: Deps, by: Approver, some: TestHost[]): Promise<Change> {
  const hosts = some.map((one) => one.hostId);
  const asked = { kit: 'heartbleed', title: 'Heartbleed', reason: 'CVE-2014-0160', hosts };
  const { change } = await createChange(deps, OLGA, asked);
  const approval = by.approve(change.id, change.planDigest!, deps.platform.now().toISOString());
  return approveChange(deps, by.actor, change.id, approval);
}

async function entriesOf({ db }: TestPlatform, changeId: string): Promise<Entry[]> {
  const subject = `change:${changeId}`;
  const found = sql<{ bytes: Buffer }>`select bytes from ledger.entry where subject = ${subject} order by seq`;
  return (await found.execute(db)).rows.map((row) => Entry.parse(JSON.parse(row.bytes.toString('utf8'))));
}

/** All hosts have agents here, which ask by themselves. */
const unasked = async (): Promise<never> => {
  throw new Error('nobody asks for the trail here');
};

/** Enrollment as change needs it: who is the agent of which host. */
function agentsOnly(agents: Map<string, AgentRecord>): Enrollment {
  const face: Pick<Enrollment, 'agent' | 'agentOfHost' | 'agents' | 'sshAccess'> = {
    sshAccess: async () => null,
    agent: async (id) => agents.get(id) ?? null,
    agentOfHost: async (hostId) => [...agents.values()].find((one) => one.hostId === hostId) ?? null,
    agents: async () => [...agents.values()],
  };
  return face as Enrollment;
}

interface Parts {
  discovery: Discovery;
  audit: FakeAudit;
  agents: Map<string, AgentRecord>;
  hosts: TestHost[];
  authority: Authority;
  platform: TestPlatform;
}

async function addHost(
  parts: Parts,
  net: number,
  name: string,
  how: { key?: string; version?: string; managed?: boolean },
): Promise<TestHost> {
  const { discovery, audit, agents, hosts, platform } = parts;
  const host = new TestHost(name, `127.77.${net}.${10 + hosts.length}`);
  host.version = how.version ?? host.version;
  await host.certify(parts.authority, how.key);
  await host.start();
  hosts.push(host);
  const endpoint = await discovery.probeNow(host.address, host.port);
  host.hostId = endpoint.hostId;
  if (how.managed !== false) {
    host.agentId = platform.newId('agent');
    const entry = { type: 'enrollment.agent.enrolled', subject: { kind: 'agent' as const, id: host.agentId } };
    await platform.act(OLGA, entry, async (tx) => {
      await discovery.setManagement(tx, host.hostId, 'managed');
      const told = { hostname: name, identifiers: [], addresses: [host.address] };
      await discovery.updateIdentity(tx, host.hostId, told);
    });
    agents.set(host.agentId, {
      id: host.agentId,
      hostId: host.hostId,
      version: '0.1.0',
      program: null,
      publicKey: host.publicKey,
      state: 'active',
      lastCheckIn: null,
      approverKeyIds: [],
      problem: null,
      doubled: false,
    });
    audit.setFacts(host.hostId, host.facts(), platform.now().toISOString());
  }
  const probe = endpoint.probe;
  const leaf = probe?.protocol === 'tls' ? probe.chain[0]! : null!;
  const vulnerable = host.version < '0.10.27';
  const at = platform.now().toISOString();
  audit.exposed.push({
    id: platform.newId('exposure'),
    kit: 'heartbleed',
    hostId: host.hostId,
    endpointId: endpoint.id,
    endpoint: `${host.address}:${host.port}`,
    spki: leaf.spki,
    serial: leaf.serial,
    issuer: leaf.issuer,
    fingerprint: leaf.fingerprint,
    crlUrls: leaf.crlUrls,
    cause: vulnerable ? 'vulnerable' : 'shared-key',
    via: null,
    openedAt: at,
  });
  if (vulnerable) audit.all.set(`finding_${name}`, findingOf(host, at));
  return host;
}

const findingOf = (host: TestHost, at: string): Finding =>
  openFinding(
    {
      id: `finding_${host.name}`,
      hostId: host.hostId,
      hostName: host.name,
      kit: 'heartbleed',
      check: 'heartbleed-package',
      component: 'nodejs',
      advisories: ['CVE-2014-0160'],
      severity: 'critical',
      confidence: 0.9,
      title: 'Installed package contains an OpenSSL with Heartbleed',
    },
    at,
  );

/** Fixed on disk and nothing runs the old program any more. */
async function judge(audit: FakeAudit, hosts: TestHost[], hostId: string): Promise<void> {
  const host = hosts.find((one) => one.hostId === hostId);
  const finding = host && audit.all.get(`finding_${host.name}`);
  const facts = (await audit.facts(hostId)).sections;
  if (!host || !finding || !facts.packages) return;
  const fixed = facts.packages[0]!.version >= '0.10.27' && facts.processes![0]!.replaced.length === 0;
  if (fixed) audit.all.set(finding.id, { ...finding, state: 'fixed', closedAt: new Date().toISOString() });
}

async function settle(deps: Deps, audit: FakeAudit, hosts: TestHost[], changeId: string, rounds = 60): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const { state } = (await changeById(deps.platform.db, changeId))!;
    if (!['scheduled', 'running', 'verifying'].includes(state)) return;
    let working = true;
    const work = advance(deps, changeId).finally(() => (working = false));
    const polls = (async () => {
      do {
        await pollAll(deps, audit, hosts);
        await sleep(50);
      } while (working);
    })();
    await Promise.all([work, polls]);
  }
}

/** Each agent asks once, does what it is told, and reports. */
export async function pollAll(deps: Deps, audit: FakeAudit, hosts: TestHost[]): Promise<void> {
  for (const host of hosts.filter((one) => one.agentId !== '')) {
    const identity = { agentId: host.agentId, hostId: host.hostId };
    const reply = await tasksFor(deps, identity, 0, new AbortController().signal);
    for (const assignment of reply.assignments) {
      await takeOutcomes(deps, identity, { outcomes: await host.run(assignment), refused: [] });
    }
    if (reply.refreshFacts) audit.setFacts(host.hostId, host.facts(), deps.platform.now().toISOString());
  }
}
