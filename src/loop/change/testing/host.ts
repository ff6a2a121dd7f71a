import { createHash, createPublicKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { oneTimeToken, signRequest, type Authority } from '../../../../lab/demo/ca/client.ts';
import { keyAndRequest } from '../../../../lab/demo/host/keys.ts';
import type { Assignment } from '../../../model/agent.ts';
import type { Facts, PackageFact } from '../../../model/facts.ts';
import { isServerStep, type Step } from '../../../model/kit.ts';
import { Plan, type SignedOutcome, type StepOutcome } from '../../../model/plan.ts';
import { canonical } from '../logic/canonical.ts';

export const spkiOf = (pem: string): string => {
  const half = pem.includes('CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
  return createHash('sha256')
    .update(half.export({ type: 'spki', format: 'der' }))
    .digest('hex');
};

/**
 * A host with a real TLS server, real keys and certificates of a real authority, and an agent that does what an
 * assignment says and signs it. What it is vulnerable to is a matter of its package's version.
 */
export class TestHost {
  readonly name: string;
  readonly address: string;
  readonly agentKey: KeyObject = generateKeyPairSync('ed25519').privateKey;
  hostId = '';
  agentId = '';
  port = 0;
  version = '0.10.0-1';
  candidate = '0.10.48-1';
  key = '';
  certificate = '';
  pending: { key: string } | null = null;
  /** the process still runs the program it was started with */
  running = this.version;
  log: string[] = [];
  /** restarts do nothing: the old program runs on (row M.1) */
  lazy = false;
  /** keep serving the old key whatever is installed (row M.2) */
  stubborn = false;
  failAt: Step['kind'] | null = null;
  failUndoAt: Step['kind'] | null = null;
  #server: Server | null = null;
  #sockets = new Set<Socket>();

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  get publicKey(): string {
    const { x } = createPublicKey(this.agentKey).export({ format: 'jwk' });
    return Buffer.from(x!, 'base64url').toString('base64');
  }

  async certify(authority: Authority, key?: string): Promise<void> {
    const names = [`${this.name}.test`];
    const made = await keyAndRequest(names, key);
    this.key = made.key;
    this.certificate = await signRequest(authority, made.csr, names);
  }

  async start(): Promise<void> {
    await this.stop();
    const server = createServer({ key: this.key, cert: this.certificate }, (socket) => socket.end('hello'));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', () => undefined);
    server.listen(this.port, this.address);
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    if (!this.lazy) this.running = this.version;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  get unit(): string {
    return `${this.name}.service`;
  }

  facts(): Partial<Facts> {
    const pkg: PackageFact = {
      ecosystem: 'Debian',
      name: 'nodejs',
      version: this.version,
      arch: 'amd64',
      source: 'nodejs',
      sourceVersion: this.version,
      status: 'installed',
      candidate: this.candidate,
    };
    const replaced = this.running === this.version ? [] : [{ path: '/usr/lib/nodejs/bin/node', package: 'nodejs' }];
    return {
      packages: [pkg],
      files: [],
      processes: [
        {
          pid: 100,
          ppid: 1,
          user: 'www',
          command: 'node server.js',
          exe: '/usr/lib/nodejs/bin/node',
          unit: this.unit,
          startedAt: null,
          replaced,
          packages: ['nodejs'],
        },
      ],
      services: [
        {
          name: this.unit,
          state: 'running',
          enabled: true,
          mainPid: 100,
          exec: null,
          unitFile: null,
          certificate: `/srv/${this.name}/tls.crt`,
          privateKey: `/srv/${this.name}/tls.key`,
          sessionSecret: `/srv/${this.name}/session`,
        },
      ],
      sockets: [
        { address: this.address, port: this.port, pid: 100, process: 'node', unit: this.unit, package: 'nodejs' },
      ],
      certificates: [],
    };
  }

  /** Does the leg, as the agent would, and returns the signed outcomes. */
  async run(assignment: Assignment): Promise<SignedOutcome[]> {
    const plan = Plan.parse(JSON.parse(assignment.plan));
    const task = plan.waves.flatMap((wave) => wave.tasks).find((one) => one.id === assignment.taskId)!;
    const indexes = task.steps.map((_, index) => index).slice(assignment.from, assignment.to);
    const outcomes: SignedOutcome[] = [];
    for (const index of assignment.mode === 'undo' ? indexes.toReversed() : indexes) {
      const step = task.steps[index]!;
      if (isServerStep(step)) throw new Error('a server step was handed to a host');
      const ok = step.kind !== (assignment.mode === 'undo' ? this.failUndoAt : this.failAt);
      const after = !ok
        ? {}
        : assignment.mode === 'undo'
          ? await this.#undo(step)
          : await this.#apply(step, assignment);
      outcomes.push(
        this.sign(assignment.digest, this.outcome(task.id, index, step, { phase: assignment.mode, ok, after })),
      );
      if (!ok) break;
    }
    return outcomes;
  }

  outcome(
    taskId: string,
    index: number,
    step: Pick<Step, 'kind'>,
    what: { phase: 'apply' | 'undo'; ok: boolean; after: Record<string, unknown> },
  ): StepOutcome {
    const at = new Date().toISOString();
    const rest = { startedAt: at, finishedAt: at, before: {}, error: what.ok ? null : 'it did not work' };
    return { taskId, index, kind: step.kind, changed: what.ok, ...what, ...rest };
  }

  sign(plan: string, outcome: StepOutcome, key = this.agentKey): SignedOutcome {
    const signature = sign(null, Buffer.from(canonical({ plan, outcome })), key).toString('base64');
    return { agentId: this.agentId, plan, outcome, signature };
  }

  async #apply(step: Step, assignment: Assignment): Promise<Record<string, unknown>> {
    this.log.push(step.kind === 'service' ? `${step.action} ${step.name}` : step.kind);
    switch (step.kind) {
      case 'upgrade-package':
        this.version = step.version;
        return { name: step.name, version: step.version };
      case 'service':
        await this.start();
        return { service: step.name, state: 'running', pid: 101 };
      case 'rotate-key': {
        const made = await keyAndRequest(step.names);
        this.pending = { key: made.key };
        return { keyPath: `${step.keyPath}.new`, spki: spkiOf(made.key), csr: made.csr };
      }
      case 'install-certificate':
        if (!this.stubborn) [this.key, this.certificate] = [this.pending!.key, assignment.inputs.certificateChain!];
        return { spki: spkiOf(this.pending!.key) };
      case 'invalidate-sessions':
        await this.start();
        return { path: step.path, service: step.service, sha256: 'f'.repeat(64) };
      default:
        return {};
    }
  }

  async #undo(step: Step): Promise<Record<string, unknown>> {
    this.log.push(`undo ${step.kind}`);
    return {};
  }
}

export { oneTimeToken };
