import { createHash } from 'node:crypto';
import { systemActor } from '../../../model/actor.ts';
import type { FactsReply } from '../../../model/agent.ts';
import type { Endpoint, Identifier } from '../../../model/estate.ts';
import type { CertificateFact, Facts, PackageFact, ProcessFact, Section, SectionName } from '../../../model/facts.ts';
import type { CertificateInfo, ProbeResult } from '../../../model/probe.ts';
import type { Route } from '../../../platform/http/route.ts';
import { canonicalBytes, listEntries, sha256Hex } from '../../../platform/ledger/index.ts';
import { testPlatform, type TestOptions, type TestPlatform } from '../../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../../discovery/index.ts';
import { recordLooks } from '../../discovery/looks.ts';
import { recordSightings } from '../../discovery/sightings.ts';
import { createAudit, type Audit, type AuditOptions } from '../index.ts';

/** A real database, the real discovery and the real audit; what a scan or an agent would tell is told by the test. */
export interface World {
  platform: TestPlatform;
  discovery: Discovery;
  audit: Audit;
  clock: { now: Date };
  /** Lets time pass. */
  later(minutes?: number): void;
  /** A scan finds a machine with this SSH host key at the address; returns its host id. */
  find(address: string, hostKey: string): Promise<string>;
  /** A scan looks at the listener and finds this, or why it found nothing. */
  look(hostId: string, address: string, port: number, probe: ProbeResult | string): Promise<Endpoint>;
  /** The host's agent reports, as agents do: hashes first, then what is wanted. Returns what was wanted. */
  send(hostId: string, facts: Partial<Facts>): Promise<string[]>;
  /** One request of the agent, as it is. */
  post(hostId: string, sections: Section[]): Promise<FactsReply>;
  call<T>(id: string, input?: { params?: object; query?: object; body?: object }): Promise<T>;
  /** Runs all audit jobs that wait. */
  settle(): Promise<void>;
  /** Types of the ledger entries, with their detail. */
  entries(prefix: string): Promise<{ type: string; detail: Record<string, unknown>; related: string[] }[]>;
  close(): Promise<void>;
}

export async function world(options: AuditOptions = {}, settings: TestOptions['config'] = {}): Promise<World> {
  const clock = { now: new Date('2026-11-20T10:00:00.000Z') };
  const platform = await testPlatform({ now: () => new Date(clock.now), config: settings });
  const discovery = createDiscovery(platform);
  const audit = createAudit(platform, discovery, options);
  platform.handle(audit.jobs);
  const w: World = {
    platform,
    discovery,
    audit,
    clock,
    later: (minutes = 1) => void (clock.now = new Date(clock.now.getTime() + minutes * 60_000)),
    find: (address, hostKey) => find(w, address, hostKey),
    look: (hostId, address, port, probe) => look(w, { hostId, address, port }, probe),
    send: (hostId, facts) => send(w, hostId, facts),
    post: (hostId, sections) => callRoute(w.audit.agentRoutes, 'agentFacts', { body: { sections } }, hostId),
    call: (id, input) => callRoute(w.audit.routes, id, input ?? {}, null),
    settle: async () => void (await platform.drain()),
    entries: async (prefix) =>
      (await listEntries(platform.db))
        .filter(({ entry }) => entry.type.startsWith(prefix))
        .map(({ entry }) => ({
          type: entry.type,
          detail: entry.detail as Record<string, unknown>,
          related: entry.related.map((one) => one.id),
        })),
    close: () => platform.close(),
  };
  return w;
}

async function find(w: World, address: string, hostKey: string): Promise<string> {
  const identifiers: Identifier[] = [{ kind: 'ssh-host-key', value: hostKey }];
  const at = w.clock.now.toISOString();
  return w.platform.observe(systemActor('scan'), async (tx) => {
    const [decision] = await recordSightings(w.platform, tx, [{ source: 'scan', address, at, identifiers }]);
    return decision!.hostId;
  });
}

async function look(
  w: World,
  where: { hostId: string; address: string; port: number },
  probe: ProbeResult | string,
): Promise<Endpoint> {
  const { hostId, address, port } = where;
  const told = typeof probe === 'string' ? { result: null, error: probe } : { result: probe, error: null };
  await w.platform.observe(systemActor('scan'), (tx) =>
    recordLooks(w.platform, tx, hostId, [{ address, port, at: w.clock.now, ...told }]),
  );
  const all = await w.discovery.endpoints({ hostId });
  return all.find((one) => one.address === address && one.port === port)!;
}

export function section(w: Pick<World, 'clock'>, name: SectionName, data: unknown): Section {
  const hash = sha256Hex(canonicalBytes(data));
  return { name, version: 1, hash, collectedAt: w.clock.now.toISOString(), data };
}

async function send(w: World, hostId: string, facts: Partial<Facts>): Promise<string[]> {
  const sections = Object.entries(facts).map(([name, data]) => section(w, name as SectionName, data));
  const heads = sections.map(({ data: _data, ...head }): Section => head);
  const { want } = await w.post(hostId, heads);
  const wanted = sections.filter((one) => want.includes(one.name));
  if (wanted.length > 0) await w.post(hostId, wanted);
  return want;
}

async function callRoute<T>(
  routes: Route[],
  id: string,
  input: { params?: object; query?: object; body?: object },
  hostId: string | null,
): Promise<T> {
  const found = routes.find((route) => route.id === id)!;
  const reply = await found.handler({
    params: found.params?.parse(input.params ?? {}),
    query: found.query?.parse(input.query ?? {}),
    body: found.body?.parse(input.body ?? {}),
    actor: hostId
      ? { kind: 'agent', id: 'agent_1', name: 'agent' }
      : { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' },
    agent: hostId ? { agentId: 'agent_1', hostId } : null,
    ip: '127.0.0.1',
    signal: new AbortController().signal,
  });
  return found.reply!.parse(reply) as T;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The certificate that an authority issued for the key of this name. */
export function certificate(key: string, serial: string): CertificateInfo {
  return {
    fingerprint: hashOf(`certificate ${key} ${serial}`),
    spki: hashOf(`key ${key}`),
    serial,
    subject: `CN=${key}.example`,
    issuer: 'CN=Example CA',
    names: [`${key}.example`],
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2027-11-01T00:00:00.000Z',
    keyType: 'rsa',
    crlUrls: ['http://ca.example/crl'],
    ocspUrls: [],
    pem: '',
  };
}

export function tls(verdict: 'vulnerable' | 'safe' | 'unknown', leaf: CertificateInfo): ProbeResult {
  const leakedBytes = verdict === 'vulnerable' ? 16_384 : 0;
  const reason = {
    vulnerable: 'it answered an over-long heartbeat',
    safe: 'it refused the heartbeat',
    unknown: 'the connection was reset',
  };
  return {
    protocol: 'tls',
    versions: ['TLSv1.2'],
    chain: [leaf],
    heartbleed: { verdict, extension: verdict !== 'safe', leakedBytes, reason: reason[verdict] },
  };
}

export const NODE = '/usr/lib/nodejs/bin/node';

export function nodejs(version: string): PackageFact {
  return {
    ecosystem: 'Debian',
    name: 'nodejs',
    version,
    arch: 'amd64',
    source: 'nodejs',
    sourceVersion: version,
    status: 'installed',
    candidate: '0.10.48-1',
  };
}

/** A host that runs one service on Node.js, as its agent reports it. */
export function shop(
  state: {
    version: string;
    pid: number;
    startedAt: Date;
    old?: boolean;
    image?: string;
    machineId?: string;
    key?: CertificateInfo;
  },
  at: { address: string; port: number; name?: string },
): Partial<Facts> {
  const unit = `${at.name ?? 'shop'}.service`;
  const process: ProcessFact = {
    pid: state.pid,
    ppid: 1,
    user: 'www-data',
    command: `${NODE} /srv/server.js`,
    exe: NODE,
    unit,
    startedAt: state.startedAt.toISOString(),
    replaced: state.old ? [{ path: NODE, package: 'nodejs' }] : [],
    packages: state.old ? [] : ['nodejs'],
  };
  const files = { certificate: '/etc/ssl/certs/site.pem', privateKey: '/etc/ssl/private/site.key' };
  return {
    os: {
      id: 'debian',
      versionId: '7',
      codename: 'wheezy',
      prettyName: 'Debian GNU/Linux 7 (wheezy)',
      arch: 'x86_64',
      hostname: at.name ?? 'shop',
      machineId: state.machineId ?? null,
      bootId: null,
      kernel: '3.2.0-4-amd64',
      kernelVersion: null,
      image: state.image ?? null,
      libc: null,
      serviceManager: 'systemd',
    },
    packages: [nodejs(state.version)],
    processes: [process],
    services: [
      {
        name: unit,
        state: 'running',
        enabled: true,
        mainPid: state.pid,
        exec: null,
        unitFile: null,
        sessionSecret: null,
        ...files,
      },
    ],
    sockets: [{ address: at.address, port: at.port, pid: state.pid, process: 'node', unit, package: 'nodejs' }],
    certificates: state.key ? keyFiles(state.key, files) : [],
  };
}

export function keyFiles(leaf: CertificateInfo, at: { certificate?: string; privateKey?: string }): CertificateFact[] {
  const { spki, fingerprint, serial, subject, issuer, names, notBefore, notAfter } = leaf;
  const key: CertificateFact = {
    path: at.privateKey ?? '',
    kind: 'private-key',
    spki,
    fingerprint: null,
    serial: null,
    subject: null,
    issuer: null,
    names: [],
    notBefore: null,
    notAfter: null,
    mode: '0640',
  };
  const cert: CertificateFact = {
    path: at.certificate ?? '',
    kind: 'certificate',
    spki,
    fingerprint,
    serial,
    subject,
    issuer,
    names,
    notBefore,
    notAfter,
    mode: '0644',
  };
  return [...(at.privateKey ? [key] : []), ...(at.certificate ? [cert] : [])];
}
