import * as z from 'zod';

/** What a person or token may do. `admin` may do everything except approve what they authored. */
export const Role = z.enum(['viewer', 'operator', 'approver', 'admin']);
export type Role = z.infer<typeof Role>;

/** Role sets for routes; a route that names none is refused at start-up (deny by default). */
export const MAY = {
  read: ['viewer', 'operator', 'approver', 'admin'],
  operate: ['operator', 'admin'],
  approve: ['approver', 'admin'],
  admin: ['admin'],
} as const satisfies Record<string, readonly Role[]>;

/** Who did it. `id` is stable; `name` is for people; `ip` is where the request came from. */
export const Actor = z.object({
  kind: z.enum(['user', 'token', 'agent', 'scanner', 'system']),
  id: z.string(),
  name: z.string(),
  role: Role.optional(),
  ip: z.string().optional(),
  /** id of the API token that a request came with */
  tokenId: z.string().optional(),
});
export type Actor = z.infer<typeof Actor>;

/** The system acting by itself; `name` says which job or rule. */
export function systemActor(name: string): Actor {
  return { kind: 'system', id: 'system', name };
}
