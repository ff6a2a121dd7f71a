import type { ServiceProbe } from '../../model/probe.ts';

/** One look at one UDP port. */
export interface UdpTarget {
  address: string;
  port: number;
  /** One datagram and what answers it; the list is empty where nothing did. Sent again once, for datagrams get lost. */
  ask(bytes: Buffer): Promise<Buffer[]>;
}

/**
 * A protocol over UDP that we can read. Nothing connects there, so only an answer shows that somebody listens: null is
 * silence, and says nothing. What is sent asks for little and changes nothing.
 */
export interface UdpProbe {
  protocol: ServiceProbe['protocol'];
  /** where it is asked for; nothing is sent to other ports */
  ports: readonly number[];
  probe(target: UdpTarget): Promise<ServiceProbe | null>;
}
