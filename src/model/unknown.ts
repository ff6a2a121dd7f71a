import * as z from 'zod';
import { Host } from './estate.ts';

/** Whose a host may be, and what speaks for it. The strongest comes first; nothing of it is proven. */
export const LikelyOwner = z.object({ owner: z.string(), why: z.array(z.string()) });
export type LikelyOwner = z.infer<typeof LikelyOwner>;

/** A host that nobody claimed, with what one has to know to say whose it is. */
export const UnknownHost = z.object({
  host: Host,
  /** hosts whose agents see it: they talk to it, or share its subnet */
  seenByAgents: z.array(z.object({ id: z.string(), name: z.string() })),
  /** what it serves, such as `443 tls` */
  services: z.array(z.string()),
  owners: z.array(LikelyOwner),
});
export type UnknownHost = z.infer<typeof UnknownHost>;
