import * as z from 'zod';
import { Claim, Management } from './estate.ts';

/** A subnet (/24, IPv6: /64), or a host of one that is opened. */
export const MapNode = z.object({
  /** the block itself, or the host's id */
  id: z.string(),
  kind: z.enum(['block', 'host']),
  label: z.string(),
  /** of a host: its address there */
  address: z.string().nullable(),
  block: z.string(),
  hosts: z.number().int(),
  unknown: z.number().int(),
  managed: z.number().int(),
  /** of a host */
  claim: Claim.nullable(),
  management: Management.nullable(),
  guess: z.string().nullable(),
  /** of an IPv4 block: last octets of the addresses of its hosts, by what they are */
  marks: z
    .object({ managed: z.array(z.number()), known: z.array(z.number()), unknown: z.array(z.number()) })
    .nullable(),
  /** pairs of its hosts that talk to each other */
  within: z.number().int(),
});
export type MapNode = z.infer<typeof MapNode>;

/** From who asks to who answers. */
export const MapLink = z.object({
  from: z.string(),
  to: z.string(),
  /** pairs of hosts */
  pairs: z.number().int(),
  /** open at the last look */
  connections: z.number().int(),
  /** the first of them */
  ports: z.array(z.number().int()),
});
export type MapLink = z.infer<typeof MapLink>;

export const NetworkMap = z.object({
  /** blocks in the order of their addresses, each opened one followed by its hosts */
  nodes: z.array(MapNode),
  links: z.array(MapLink),
  hosts: z.number().int(),
  blocks: z.number().int(),
  /** what the limits left out, in words; empty: nothing */
  left: z.array(z.string()),
});
export type NetworkMap = z.infer<typeof NetworkMap>;
