import * as z from 'zod';

/** `empty`: logs in without one. `locked`: none works. `external`: neither here nor in /etc/shadow, so somebody else keeps it. */
export const PasswordState = z.enum(['set', 'locked', 'empty', 'external']);

export const AccountFact = z.object({
  name: z.string(),
  uid: z.uint32(),
  gid: z.uint32(),
  home: z.string(),
  shell: z.string(),
  /** null: /etc/shadow could not be read */
  password: PasswordState.nullable(),
  /** how it is hashed (`yescrypt`, `sha512`, `md5` …), never the hash */
  scheme: z.string().nullable(),
  /** day (ISO) of the last change; null: unknown, or to be changed at the next login */
  changedOn: z.string().nullable(),
  maxDays: z.int32().nullable(),
  /** day (ISO) after which the account is closed */
  expiresOn: z.string().nullable(),
  /** of people's accounts and root's: is the home there? absent: not ours to look at; agents before 3 do not say */
  homeThere: z.boolean().optional(),
  homeMode: z
    .string()
    .regex(/^[0-7]{3,6}$/)
    .optional(),
  homeUid: z.uint32().optional(),
});
export type AccountFact = z.infer<typeof AccountFact>;

export const GroupFact = z.object({ name: z.string(), gid: z.uint32(), members: z.array(z.string()) });
export type GroupFact = z.infer<typeof GroupFact>;

/** One grant of sudo, aliases resolved. `who` as sudoers writes it: a name, `%group`, `#uid`, `ALL`. */
export const SudoFact = z.object({
  path: z.string(),
  who: z.string(),
  hosts: z.array(z.string()),
  runAs: z.string(),
  /** false: without giving a password (NOPASSWD) */
  password: z.boolean(),
  tags: z.array(z.string()),
  commands: z.array(z.string()),
});
export type SudoFact = z.infer<typeof SudoFact>;

export const AuthorizedKeyFact = z.object({
  user: z.string(),
  path: z.string(),
  type: z.string(),
  /** as `ssh-keygen -l` prints it */
  fingerprint: z.string(),
  comment: z.string(),
  /** names of the options; values only of `from` */
  options: z.array(z.string()),
});
export type AuthorizedKeyFact = z.infer<typeof AuthorizedKeyFact>;

/** Who may log in, and as whom. Of passwords only whether there is one, of keys only fingerprints. */
export const UsersFacts = z.object({
  accounts: z.array(AccountFact),
  groups: z.array(GroupFact),
  sudo: z.array(SudoFact),
  /** `Defaults` of sudoers, as written, sorted */
  sudoDefaults: z.array(z.string()),
  authorizedKeys: z.array(AuthorizedKeyFact),
  /** what is there and could not be read: nothing is known of it */
  unread: z.array(z.string()),
});
export type UsersFacts = z.infer<typeof UsersFacts>;
