import * as z from 'zod';
import { Instant } from './json.ts';

/** What one can be told of. */
export const NoticeTopic = z.enum([
  'unknown-host',
  'cloned-host',
  'blind',
  'agent-lost',
  'findings',
  'rekindled',
  'approval',
  'rollout-stopped',
  'trail-alarm',
]);
export type NoticeTopic = z.infer<typeof NoticeTopic>;

/** The same in words: what each is about, for help and tables. */
export const TOPIC_WORDS: Record<NoticeTopic, string> = {
  'unknown-host': 'a host appeared that nobody has claimed',
  'cloned-host': 'two machines show one identity',
  blind: 'a source, or a host over SSH, cannot be read any more',
  'agent-lost': 'an agent fell silent',
  findings: 'findings opened',
  rekindled: 'what was fixed came back',
  approval: 'a plan waits for approval',
  'rollout-stopped': 'a rollout stopped by itself',
  'trail-alarm': 'an agent was shown another history than it saw',
};

const Url = z.string().min(1).max(2000);
const MailAddress = z.string().regex(/^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,253}$/, 'is not a mail address');
const Secret = z.string().min(1).max(4000);

/** How somebody is told. Secrets (a hook's key, a chat's URL, a mailbox's password) go into the vault. */
export const NotifierChannel = z.discriminatedUnion('kind', [
  z
    .object({
      kind: z.literal('webhook'),
      url: Url,
      /** signs each message: HMAC-SHA-256 */
      key: Secret.min(16, 'needs 16 characters or more').optional(),
      /** PEM of the authority that its certificate leads to, where that is not a public one */
      ca: z.string().max(65_536).optional(),
    })
    .strict(),
  z.object({ kind: z.literal('chat'), url: Url, ca: z.string().max(65_536).optional() }).strict(),
  z
    .object({
      kind: z.literal('email'),
      /** `host:port` */
      smtp: z.string().regex(/^(\[[0-9a-fA-F:]+\]|[\w.-]{1,253}):\d{1,5}$/, 'is not host:port'),
      /** `starttls` is insisted on; `none` is taken on this machine only */
      security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
      from: MailAddress,
      to: z.array(MailAddress).min(1).max(20),
      user: z.string().min(1).max(200).optional(),
      password: Secret.optional(),
      ca: z.string().max(65_536).optional(),
    })
    .strict(),
]);
export type NotifierChannel = z.infer<typeof NotifierChannel>;

export const LONGEST_GATHER = 24 * 3600;
export const NotifierInput = z
  .object({
    name: z.string().regex(/^[\w.-]{1,60}$/),
    channel: NotifierChannel,
    topics: z.array(NoticeTopic).min(1).default(['unknown-host']),
    /** seconds that news is gathered for at most */
    gather: z.number().int().min(0).max(LONGEST_GATHER).default(900),
  })
  .strict();
export type NotifierInput = z.infer<typeof NotifierInput>;

export const Notifier = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['webhook', 'chat', 'email']),
  /** where to, in words, without anything secret */
  to: z.string(),
  topics: z.array(NoticeTopic),
  gather: z.number().int(),
  /** messages that were accepted */
  sent: z.number().int(),
  lastSentAt: Instant.nullable(),
  /** a message is made and not accepted yet */
  waiting: z.boolean(),
  lastError: z.string().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
});
export type Notifier = z.infer<typeof Notifier>;

/** One message: many events, in one. `id` stays the same when it is sent again. */
export const Notice = z.object({
  format: z.literal('lastember/notice/v1'),
  id: z.string(),
  at: Instant,
  title: z.string(),
  /** the whole message for people */
  text: z.string(),
  counts: z.partialRecord(NoticeTopic, z.number().int()),
  /** the first ones; `more` says how many are not here */
  events: z.array(
    z.object({
      topic: NoticeTopic,
      /** place on the trail */
      index: z.number().int(),
      at: Instant,
      subject: z.object({ kind: z.string(), id: z.string(), name: z.string().optional() }),
      text: z.string(),
    }),
  ),
  more: z.number().int(),
  /** entries of the trail that it tells of: from this one up to, and without, that one */
  from: z.number().int(),
  until: z.number().int(),
  /** where to look, if this server knows its own address */
  url: z.string().nullable(),
});
export type Notice = z.infer<typeof Notice>;
