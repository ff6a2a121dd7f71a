import type { RawBuilder } from 'kysely';
import type { HostBrief } from './store-hosts.ts';
import type { DbOrTx, Module, Tx } from '../../platform/context.ts';
import type { Endpoint, Host, Identifier, Management, Scope, Sighting, Tags } from '../../model/estate.ts';
import type { Actor } from '../../model/actor.ts';
import type { Imported, ReadRow } from './claims.ts';
import type { PatrolOrder } from '../../model/patrol.ts';
import type { Block, Home } from './store-map.ts';
import type { LoggedCertificate } from '../../model/key.ts';
import type { ProbeResult } from '../../model/probe.ts';

/** What folders to the right may call. */
export interface Discovery extends Module {
  host(id: string): Promise<Host | null>;
  hosts(filter?: {
    ids?: string[];
    claim?: Host['claim'];
    management?: Management;
    tag?: { key: string; value: string };
    /** records whose place this host took */
    supersededBy?: string;
  }): Promise<Host[]>;
  /** The estate in few words, for answers about all of it; hosts whose place another record took are left out unless asked for by id. */
  briefs(filter?: { ids?: string[]; tag?: { key: string; value: string } }): Promise<HostBrief[]>;
  /** The ids of an owner’s hosts, as a question to be asked within another: they may be very many. */
  ownedBy(owner: string): RawBuilder<string>;
  scopes(): Promise<Scope[]>;
  /** Whether a URL that a stranger wrote may lead us to an address, by the scopes of now: null, or why not. */
  reach(): Promise<(address: string) => string | null>;
  /** Which subnet each present host is at home in. */
  map: {
    /** the fullest `most` */
    blocks(most: number): Promise<{ items: Block[]; blocks: number; hosts: number }>;
    homesOf(ids: readonly string[]): Promise<Home[]>;
    homesIn(block: string, most: number): Promise<Home[]>;
  };
  /** Addresses that a host has at other sites only, and the site of each: from here they are other machines'. */
  away(hostId: string): Promise<ReadonlyMap<string, string>>;
  /** by which it is known beside its addresses, and who says so; what only its certificates call it is left out */
  namesOf(hostId: string): Promise<{ name: string; from: string }[]>;
  hostByAddress(address: string): Promise<Host | null>;
  endpoint(id: string): Promise<Endpoint | null>;
  endpoints(filter?: {
    ids?: readonly string[];
    hostId?: string;
    hostIds?: readonly string[];
    /** of the certificate that was last seen there, hex */
    serial?: string;
    protocol?: ProbeResult['protocol'];
    state?: Endpoint['state'];
  }): Promise<Endpoint[]>;
  /** past probe results of an endpoint that differed, oldest first */
  /** certificates with these serials that transparency logs told of */
  loggedCertificates(serials: readonly string[]): Promise<LoggedCertificate[]>;
  endpointHistory(endpointId: string): Promise<{ at: string; probe: ProbeResult }[]>;
  /** Reconciles sightings into hosts (creating, refreshing, splitting); returns the host of each, in order. */
  recordSightings(tx: Tx, sightings: Sighting[]): Promise<string[]>;
  /** An enrolled agent is the strongest identifier: finds or makes its host and marks it managed. Returns the host id. */
  attachAgent(
    tx: Tx,
    agent: {
      agentId: string;
      version: string;
      hostname: string;
      identifiers: Identifier[];
      addresses: string[];
      expectedHostId: string | null;
      /** those of these hosts whose own agent reports right now, from another machine: who looks like them is a copy */
      reporting?: (hostIds: string[]) => Promise<ReadonlySet<string>>;
    },
  ): Promise<string>;
  /** The host's agent saw these addresses: they are looked at, where a scope allows it. */
  followFrom(tx: Tx, hostId: string, addresses: readonly string[]): Promise<void>;
  /** What this agent is to look at in its own subnets (address and prefix length each) now; null: nothing. */
  patrolFor(agent: { agentId: string; hostId: string }, subnets: readonly string[]): Promise<PatrolOrder | null>;
  /** A scanner enrolled: from now on it may ask for work of its site. */
  addScanner(tx: Tx, scanner: { id: string; site: string; name: string; version: string }): Promise<void>;
  /** It gets no work any more, and what it was at goes to others. */
  endScanner(tx: Tx, id: string): Promise<void>;
  setManagement(tx: Tx, hostId: string, management: Management, note?: string): Promise<void>;
  /** Reads a list of hosts row by row; each says what is wrong with it. Nothing is written. */
  readList(text: string): Promise<ReadRow[]>;
  /** Writes a list of hosts: each becomes `known`. */
  importList(actor: Actor, text: string): Promise<Imported>;
  /** Adds tags to those that the host has; nothing to add, nothing on the trail. */
  addTags(tx: Tx, hostId: string, tags: Tags): Promise<void>;
  /** Names and addresses that facts told about a host. */
  updateIdentity(
    tx: Tx,
    hostId: string,
    facts: { hostname: string; identifiers: Identifier[]; addresses: string[]; system?: string },
  ): Promise<void>;
  /**
   * Looks at one endpoint from outside now, stores the result, has it audited. Exclusions and scopes hold. `hostId`: whose
   * address is meant; refused when that host has it at another site, where the same address is another machine's.
   */
  probeNow(address: string, port: number, how?: { judge?: boolean; hostId?: string }): Promise<Endpoint>;
}
export type { DbOrTx };
