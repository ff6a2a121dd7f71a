import type { Module, Tx } from '../../platform/context.ts';
import type { AgentIdentity, ScannerIdentity } from '../../platform/http/route.ts';
import type { TakeLook } from './looks.ts';
import type { SshWork } from './over-ssh.ts';
import type { SshAccess } from './store-access.ts';

export interface AgentRecord {
  id: string;
  hostId: string;
  version: string;
  /** digest of the program that it runs; null: it never said */
  program: string | null;
  /** base64 raw Ed25519 public key: verifies outcomes */
  publicKey: string;
  state: 'active' | 'revoked' | 'lost';
  lastCheckIn: string | null;
  /** key ids of the approvers this agent pinned */
  approverKeyIds: string[];
  /** why it is lost or was revoked, in words */
  problem: string | null;
  /** two machines used its identity, which is why */
  doubled: boolean;
}

export interface Enrollment extends Module {
  agent(agentId: string): Promise<AgentRecord | null>;
  agentOfHost(hostId: string): Promise<AgentRecord | null>;
  agents(): Promise<AgentRecord[]>;
  /** For the mutual-TLS listener: who holds this client certificate (SHA-256 fingerprint, hex)? null = refuse. */
  authenticate(fingerprint: string): Promise<AgentIdentity | null>;
  /** The same for scanners at remote sites. */
  authenticateScanner(fingerprint: string): Promise<ScannerIdentity | null>;
  /** Server certificate and CA of the agent listener, PEM. */
  listenerIdentity(): Promise<{ key: string; cert: string; ca: string }>;
  /** Wants a look soon at those of these hosts that are looked after over SSH, without an agent; returns which they are. */
  askLooks(tx: Tx, hostIds: readonly string[]): Promise<Set<string>>;
  /** Hosts without an agent whose next look is due. */
  dueForLook(limit: number): Promise<string[]>;
  /** Looks at a host without an agent over SSH, if it is due; see `looks.ts`. Is another look wanted by now? */
  lookOver(hostId: string, take: TakeLook): Promise<boolean>;
  /** Null: it has an agent, or nobody looks after it. */
  sshAccess(hostId: string): Promise<SshAccess | null>;
  /**
   * Changes a host without an agent over SSH: nobody else is at it meanwhile, nor looks at it. False: somebody is; come
   * again. `work` says whether a leg is left half-way, which keeps looks away until it is brought to its end.
   */
  overSsh(hostId: string, work: (at: SshWork) => Promise<{ halfWay: boolean }>): Promise<boolean>;
  revoke(tx: Tx, agentId: string, reason: string): Promise<void>;
}
