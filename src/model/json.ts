import * as z from 'zod';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export const Json: z.ZodType<Json> = z.json();

/** Lower-case hex SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export type Sha256 = z.infer<typeof Sha256>;

/** ISO 8601 in UTC with milliseconds, as Date#toISOString prints it. */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;

/** PEM text of one or more certificates. */
export const Pem = z.string().max(65_536);
