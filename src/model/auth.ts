import * as z from 'zod';
import { Role } from './actor.ts';
import { Instant } from './json.ts';

export const Person = z.object({
  id: z.string(),
  name: z.string(),
  role: Role,
  disabled: z.boolean(),
  createdAt: Instant,
});
export type Person = z.infer<typeof Person>;
export const PersonName = z.string().regex(/^[\w.@-]{1,64}$/, 'takes letters, digits and . _ @ -');
export const Password = z.string().min(12, 'takes at least 12 characters').max(1024);

export const Me = z.object({ id: z.string(), name: z.string(), role: Role, kind: z.enum(['user', 'token']) });
export type Me = z.infer<typeof Me>;

export const ApiToken = z.object({
  id: z.string(),
  name: z.string(),
  person: z.string(),
  role: Role,
  createdAt: Instant,
  expiresAt: Instant.nullable(),
  lastUsedAt: Instant.nullable(),
  revoked: z.boolean(),
});
export type ApiToken = z.infer<typeof ApiToken>;

export const RegisteredKey = z.object({
  keyId: z.string(),
  name: z.string(),
  person: z.string(),
  personName: z.string(),
  publicKey: z.string(),
  createdAt: Instant,
  revoked: z.boolean(),
});
export type RegisteredKey = z.infer<typeof RegisteredKey>;
