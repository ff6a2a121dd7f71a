import type { Facts } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { Impact } from '../../../model/impact.ts';
import { Kit } from '../../../model/kit.ts';
import type {
  BurntCertificate,
  PlanFrame,
  PlannedHost,
  PlannedListener,
  PlannerInput,
  ServedCertificate,
} from './inputs.ts';

const hex = (seed: string): string => Buffer.from(seed.padEnd(32, '.')).toString('hex').slice(0, 64);
export const KEY = hex;

/** A compromise kit with the steps of the funnel in their order. */
export const COMPROMISE = Kit.parse({
  kit: 'leak',
  version: '1.0.0',
  title: 'Leak',
  summary: '',
  compromise: true,
  checks: [
    { kind: 'endpoint', id: 'probe', title: '', severity: 'critical', why: '', expect: 'true' },
    {
      kind: 'package',
      id: 'package',
      title: '',
      severity: 'critical',
      why: '',
      advisory: 'CVE-2014-0160',
      affected: [{ ecosystem: 'Debian', name: 'nodejs', introduced: '1', fixed: '3' }],
    },
  ],
  remediate: [
    {
      id: 'all',
      fixes: ['probe', 'package'],
      steps: [
        { kind: 'upgrade-package', name: '${package.name}', version: '${package.candidate}' },
        { kind: 'service', name: '${service.name}', action: 'restart' },
        {
          kind: 'rotate-key',
          keyPath: '${service.privateKey}',
          names: ['${certificate.names}'],
          oldSpki: '${certificate.spki}',
        },
        { kind: 'reissue-certificate', authority: '${authority.name}', names: '${certificate.names}' },
        {
          kind: 'install-certificate',
          keyPath: '${service.privateKey}',
          certificatePath: '${service.certificate}',
          names: ['${certificate.names}'],
          issuerSpki: '${authority.issuerSpki}',
        },
        { kind: 'service', name: '${service.name}', action: 'restart' },
        {
          kind: 'verify-served',
          address: '${endpoint.address}',
          port: '${endpoint.port}',
          oldSpki: '${certificate.spki}',
        },
        {
          kind: 'revoke-certificate',
          authority: '${authority.name}',
          serial: '${certificate.serial}',
          reason: 'keyCompromise',
        },
        { kind: 'verify-revoked', serial: '${certificate.serial}', crlUrl: '${certificate.crlUrl}' },
        { kind: 'invalidate-sessions', path: '${service.sessionSecret}', service: '${service.name}' },
      ],
    },
  ],
  texts: { risk: '' },
});

export const AUTHORITY = { name: 'ca', issuerSpki: KEY('issuer') };

export interface Shape {
  name: string;
  installed?: string;
  /** version that runs, when it is not the installed one */
  running?: string;
  candidate?: string | null;
  ports?: number[];
  key?: string;
  serial?: string;
  vulnerable?: boolean;
  /** the key was replaced already; the old certificate is … */
  rekeyed?: 'revoked' | 'not revoked';
  managed?: boolean;
  crl?: boolean;
  secret?: boolean;
}

const unit = (shape: Shape, port: number): string => `${shape.name}-${port}.service`;
export const addressOf = (shape: Shape): string => `10.0.0.${shape.name.length}${shape.name.charCodeAt(0) % 10}`;

function factsOf(shape: Shape): Partial<Facts> {
  const { name, installed = '2', candidate = '3', ports = [443] } = shape;
  const replaced = (shape.running ?? installed) === installed ? [] : [{ path: '/usr/bin/node', package: 'nodejs' }];
  const base = { ppid: 1, user: 'www', command: 'node', exe: '/usr/bin/node', startedAt: null };
  return {
    packages: [
      {
        ecosystem: 'Debian',
        name: 'nodejs',
        version: installed,
        arch: 'amd64',
        source: 'nodejs',
        sourceVersion: installed,
        status: 'installed',
        candidate,
      },
    ],
    processes: ports.map((port) => ({ ...base, pid: port, unit: unit(shape, port), replaced, packages: ['nodejs'] })),
    services: ports.map((port) => ({
      name: unit(shape, port),
      state: 'running',
      enabled: true,
      mainPid: port,
      exec: null,
      unitFile: null,
      certificate: `/srv/${name}/tls.crt`,
      privateKey: `/srv/${name}/tls.key`,
      sessionSecret: shape.secret === false ? null : `/srv/${name}/secret`,
    })),
    sockets: ports.map((port) => ({
      address: '0.0.0.0',
      port,
      pid: port,
      process: 'node',
      unit: unit(shape, port),
      package: 'nodejs',
    })),
    files: [],
  };
}

function listenerOf(shape: Shape, port: number): PlannedListener {
  const { name, key = name, serial = `AA${Buffer.from(name).toString('hex').toUpperCase()}` } = shape;
  const issuer = 'CN=ca';
  const crlUrl = shape.crl === false ? null : 'http://ca/crl';
  const revoked = shape.rekeyed === 'revoked';
  const burnt: BurntCertificate = {
    spki: KEY(key),
    serial,
    issuer,
    crlUrl,
    authority: AUTHORITY,
    revoked,
    seen: revoked,
  };
  const fresh = {
    spki: KEY(`new ${name}`),
    serial: 'BB01',
    issuer,
    names: [`${name}.test`],
    crlUrl,
    authority: AUTHORITY,
  };
  const served: ServedCertificate = shape.rekeyed ? fresh : { ...fresh, spki: KEY(key), serial };
  return {
    endpointId: `endpoint_${name}_${port}`,
    address: addressOf(shape),
    port,
    verdict: shape.vulnerable === false ? 'safe' : 'vulnerable',
    served,
    burnt: [burnt],
    sessionsDone: shape.rekeyed === 'revoked',
  };
}

type Own = 'id' | 'hostId' | 'hostName' | 'kit' | 'check' | 'component' | 'severity' | 'title';

/** A finding that is open and of which nothing else is known. */
export const openFinding = (own: Pick<Finding, Own> & Partial<Finding>, at: string): Finding => ({
  endpointId: null,
  endpoint: null,
  kitVersion: '1.0.0',
  advisories: [],
  state: 'open',
  confidence: 1,
  evidence: {},
  pending: null,
  openedAt: at,
  lastSeenAt: at,
  closedAt: null,
  rekindledAt: null,
  rekindleCause: null,
  exceptionId: null,
  changeId: null,
  ...own,
});

export function findingOf(shape: Shape, port: number): Finding {
  const own = {
    id: `finding_${shape.name}_${port}`,
    hostId: `host_${shape.name}`,
    hostName: shape.name,
    endpointId: `endpoint_${shape.name}_${port}`,
    endpoint: `${addressOf(shape)}:${port}`,
    kit: 'leak',
    check: 'probe',
    component: unit(shape, port),
    severity: 'critical' as const,
    title: 'leaks',
  };
  return openFinding(own, '2026-01-01T00:00:00.000Z');
}

export function hostOf(shape: Shape): PlannedHost {
  const ports = shape.ports ?? [443];
  return {
    id: `host_${shape.name}`,
    name: shape.name,
    taskId: `task_${shape.name}`,
    agentId: shape.managed === false ? null : `agent_${shape.name}`,
    facts: factsOf(shape),
    findings: shape.vulnerable === false ? [] : ports.map((port) => findingOf(shape, port)),
    listeners: ports.map((port) => listenerOf(shape, port)),
  };
}

export function inputOf(shapes: readonly Shape[], more: Partial<PlannerInput> = {}): PlannerInput {
  return {
    kit: COMPROMISE,
    kitDigest: 'a'.repeat(64),
    hosts: shapes.map(hostOf),
    holders: {},
    copies: [],
    isAffected: (_, version) => version >= '1' && version < '3',
    ...more,
  };
}

export const NO_IMPACT: Impact = { hosts: [], packages: [], files: [], restarts: [], affectedHosts: [], summary: '' };
export const FRAME: PlanFrame = {
  changeId: 'change_1',
  author: 'user_olga',
  nonce: '00',
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2026-01-08T00:00:00.000Z',
  approvalsRequired: 1,
  abortAfterFailures: 0,
  impact: NO_IMPACT,
};
