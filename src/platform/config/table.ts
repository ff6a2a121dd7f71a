import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import * as z from 'zod';
import { ScanPath } from '../../model/estate.ts';

/** One setting. `env` wins over the default, a flag over both. */
export interface Setting {
  env: string;
  flag: string | null;
  /** raw text → value */
  parse: z.ZodType<unknown, string>;
  /** the value when neither is given, from the environment where it must be */
  fallback: (env: Environment) => unknown;
  /** the default as the reference shows it */
  shown: string;
  about: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const path = z
  .string()
  .min(1)
  .transform((text) => (isAbsolute(text) ? text : resolve(text)));
const integer = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'is not a whole number').transform(Number).pipe(z.number().int().min(min).max(max));
const port = integer(0, 65_535);
const ports = z
  .string()
  .regex(/^any$|^\d{1,5}(,\s*\d{1,5}){0,15}$/, 'is neither `any` nor a list of ports, such as 80,443')
  .transform((text): 'any' | number[] => (text === 'any' ? text : text.split(',').map(Number)))
  .refine((all) => all === 'any' || all.every((one) => one >= 1 && one <= 65_535), 'has a port above 65535, or 0');
const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'does not start with postgres://')
  .refine((text) => URL.canParse(text), 'is not a URL');
const origin = z
  .string()
  .regex(/^https?:\/\/[^/?#@\s]+\/?$/, 'is not http://host or https://host, with nothing behind it')
  .refine((text) => URL.canParse(text), 'is not a URL')
  .transform((text) => new URL(text).origin);
const addressList = z
  .string()
  .refine(
    (text) => text.split(',').every((one) => ipaddr.isValid(one.trim()) || ipaddr.isValidCIDR(one.trim())),
    'is not a list of IP addresses and ranges, such as 127.0.0.1, 10.0.0.0/8',
  );
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'is not host:port');

/** What every Ed25519 key begins with in DER, and its 32 bytes. */
const ED25519 = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/;

/** A host that is listened on, without a port. */
const listenAddress = (portFlag: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .refine((text) => ipaddr.isValid(text) || !/[:[\]/\s]/.test(text), `takes an address; the port is ${portFlag}`);

function setting<T>(
  row: Omit<Setting, 'parse' | 'fallback'> & { parse: z.ZodType<T, string>; fallback: (env: Environment) => T },
): Setting & { parse: z.ZodType<T, string> } {
  return row;
}

/** Every setting of the server, by its name in `Config`. The reference in docs/reference/config.md is made from this. */
export const SETTINGS = {
  dataDir: setting({
    env: 'LASTEMBER_DATA_DIR',
    flag: '--data',
    parse: path,
    fallback: (env) => join(env['XDG_DATA_HOME'] || join(env['HOME'] || homeOrTmp(), '.local', 'share'), 'lastember'),
    shown: '$XDG_DATA_HOME/lastember or ~/.local/share/lastember',
    about: 'Where the embedded database, keys and documents are kept.',
  }),
  databaseUrl: setting<string | null>({
    env: 'DATABASE_URL',
    flag: '--database-url',
    parse: postgresUrl,
    fallback: () => null,
    shown: 'none: the embedded PostgreSQL',
    about: 'An own PostgreSQL (15 or newer), as `postgres://user:password@host:port/database`.',
  }),
  databaseOwnerUrl: setting<string | null>({
    env: 'LASTEMBER_DATABASE_OWNER_URL',
    flag: null,
    parse: postgresUrl,
    fallback: () => null,
    shown: 'the role of DATABASE_URL',
    about:
      'The role that owns the tables and applies migrations. With a role of its own here, the role of DATABASE_URL cannot switch off the guard of the trail.',
  }),
  pgBinDir: setting<string | null>({
    env: 'PG_BIN_DIR',
    flag: null,
    parse: path,
    fallback: () => null,
    shown: 'the bundled binaries',
    about: 'Directory with `postgres` and `initdb` to use for the embedded database instead of the bundled ones.',
  }),
  pgUid: setting({
    env: 'LASTEMBER_PG_UID',
    flag: null,
    parse: integer(1, 4_294_967_294),
    fallback: () => 64_123,
    shown: '64123',
    about: 'Started by root, the embedded PostgreSQL runs as this user and group id; it needs no account.',
  }),
  databasePool: setting({
    env: 'LASTEMBER_DATABASE_POOL',
    flag: null,
    parse: integer(2, 200),
    fallback: () => 10,
    shown: '10',
    about:
      'Most database connections for requests and jobs. Reads inside transactions, queue and events use up to nine more.',
  }),
  vaultKeyFile: setting<string | null>({
    env: 'LASTEMBER_VAULT_KEY_FILE',
    flag: null,
    parse: path,
    fallback: () => null,
    shown: 'vault.key in the data directory, made at the first start',
    about: 'File with the 32-byte key (64 hex digits) that secrets are encrypted with. Mode 0600.',
  }),
  listen: setting({
    env: 'LASTEMBER_LISTEN',
    flag: '--listen',
    parse: listenAddress('--port'),
    fallback: () => '127.0.0.1',
    shown: '127.0.0.1',
    about: 'Address that console and API listen on.',
  }),
  port: setting({
    env: 'LASTEMBER_PORT',
    flag: '--port',
    parse: port,
    fallback: () => 7414,
    shown: '7414',
    about: 'Port of console and API; 0 takes a free one.',
  }),
  publicUrl: setting<string | null>({
    env: 'LASTEMBER_PUBLIC_URL',
    flag: '--public-url',
    parse: origin,
    fallback: () => null,
    shown: 'http:// with the address and port that are listened on',
    about:
      'Where people reach the console, when a proxy stands in front. With https:// the session cookie is only ever sent over TLS.',
  }),
  trustProxy: setting<string | null>({
    env: 'LASTEMBER_TRUST_PROXY',
    flag: null,
    parse: addressList,
    fallback: () => null,
    shown: 'none',
    about:
      'Addresses or ranges of the proxies in front, with commas between: from these, and nobody else, X-Forwarded-For says who is asking.',
  }),
  agentPort: setting({
    env: 'LASTEMBER_AGENT_PORT',
    flag: '--agent-port',
    parse: port,
    fallback: () => 7415,
    shown: '7415',
    about: 'Port that agents call with mutual TLS; 0 takes a free one.',
  }),
  agentListen: setting<string | null>({
    env: 'LASTEMBER_AGENT_LISTEN',
    flag: '--agent-listen',
    parse: listenAddress('--agent-port'),
    fallback: () => null,
    shown: 'all addresses when agents are told one that is not loopback, else that of console and API',
    about: 'Address that is listened on for agents.',
  }),
  agentAddress: setting({
    env: 'LASTEMBER_AGENT_ADDRESS',
    flag: '--agent-address',
    parse: hostPort,
    fallback: () => '127.0.0.1:7415',
    shown: 'what is listened on; with 0.0.0.0 the host of the public URL, else the first address of this machine',
    about: 'Address that agents are told to call, as host:port.',
  }),
  logLevel: setting({
    env: 'LASTEMBER_LOG_LEVEL',
    flag: '--log-level',
    parse: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']) as unknown as z.ZodType<string, string>,
    fallback: () => 'info',
    shown: 'info',
    about: 'Least level that is logged: trace, debug, info, warn, error or silent.',
  }),
  jobConcurrency: setting({
    env: 'LASTEMBER_JOB_CONCURRENCY',
    flag: null,
    parse: integer(1, 64),
    fallback: () => 4,
    shown: '4',
    about: 'How many jobs of one kind a worker runs at a time.',
  }),
  secondApprovalHosts: setting({
    env: 'LASTEMBER_SECOND_APPROVAL_HOSTS',
    flag: null,
    parse: integer(1, 1_000_000),
    fallback: () => 50,
    shown: '50',
    about: 'From this many hosts on, a plan needs the approvals of two people.',
  }),
  deployApproval: setting({
    env: 'LASTEMBER_DEPLOY_APPROVAL',
    flag: null,
    parse: z.enum(['asked', 'required']) as unknown as z.ZodType<string, string>,
    fallback: () => 'asked',
    shown: 'asked',
    about:
      'Whether an approver has to sign before agents are deployed: asked (where --ask says so, and for rules) or required (always).',
  }),
  deploySeconds: setting({
    env: 'LASTEMBER_DEPLOY_SECONDS',
    flag: null,
    parse: integer(10, 86_400),
    fallback: () => 600,
    shown: '600',
    about: 'How long installing the agent on one host may take in all, from the login to its first report.',
  }),
  scanPath: setting({
    env: 'LASTEMBER_SCAN_PATH',
    flag: null,
    parse: z.enum(['auto', ...ScanPath.options]) as unknown as z.ZodType<'auto' | ScanPath, string>,
    fallback: () => 'auto' as const,
    shown: 'auto',
    about:
      'How ports are tried: portable (sockets of Node, on every platform), epoll (the kernel’s own calls, on Linux), syn (single packets, where raw sockets are permitted) or auto (epoll, or what works here). A way that does not work here gives way to the next best; each scan says which it took, and why.',
  }),
  sshWays: setting({
    env: 'LASTEMBER_SSH_WAYS',
    flag: null,
    parse: z.enum(['ask', 'leave']) as unknown as z.ZodType<'ask' | 'leave', string>,
    fallback: () => 'ask' as const,
    shown: 'ask',
    about:
      'Whether a look at an SSH server asks for its ways to log in: one request with the method `none` for `root`, which shows no key and no password, and which OpenSSH does not count as a try. `leave` ends the look before.',
  }),
  revocation: setting({
    env: 'LASTEMBER_REVOCATION',
    flag: null,
    parse: z.enum(['ask', 'ask-any', 'off']) as unknown as z.ZodType<'ask' | 'ask-any' | 'off', string>,
    fallback: () => 'off' as const,
    shown: 'off',
    about:
      'Whether the server asks the authorities of served certificates if they are revoked. `ask`: those below an authority of the system’s trust store, or of `LASTEMBER_REVOCATION_AUTHORITIES`, as far as the chain that is served shows it; `ask-any`: whoever made the certificate. Asked are OCSP responders and revocation lists that the certificates name, by http or https, at the ports of `LASTEMBER_REVOCATION_PORTS` and plain paths, two requests a second at most. They lead to public addresses, or to those of a scope, and never to what a scope excludes. `off`: only what servers show by themselves (stapled) is read.',
  }),
  revocationAuthorities: setting<string | null>({
    env: 'LASTEMBER_REVOCATION_AUTHORITIES',
    flag: null,
    parse: path,
    fallback: () => null,
    shown: '',
    about:
      'File with the certificates (PEM) of authorities that are asked besides those of the system’s trust store, such as one of your own. Read each time that anybody is asked.',
  }),
  revocationPorts: setting({
    env: 'LASTEMBER_REVOCATION_PORTS',
    flag: null,
    parse: ports,
    fallback: (): 'any' | number[] => [80, 443],
    shown: '80,443',
    about:
      'Ports at which authorities are asked whether certificates are revoked, with commas between; `any`: wherever a certificate says. Whoever made a certificate chose the port.',
  }),
  historyDays: setting({
    env: 'LASTEMBER_HISTORY_DAYS',
    flag: null,
    parse: integer(1, 36_500),
    fallback: () => 180,
    shown: '180',
    about:
      'How many days sightings, earlier probe results and earlier facts of hosts are kept. The latest is always kept, and so is what findings rest on; the trail is never shortened.',
  }),
  liveHistoryDays: setting({
    env: 'LASTEMBER_LIVE_HISTORY_DAYS',
    flag: null,
    parse: integer(1, 36_500),
    fallback: () => 7,
    shown: '7',
    about: 'The same for facts that change all the time: processes, connections and neighbours.',
  }),
  httpsProxy: setting<string | null>({
    env: 'HTTPS_PROXY',
    flag: null,
    parse: z
      .string()
      .regex(/^https?:\/\/[^/?#\s]+\/?$/, 'is not http://host:port or https://host:port')
      .refine((text) => URL.canParse(text), 'is not a URL'),
    fallback: (env) => env['https_proxy'] || null,
    shown: 'none',
    about: 'The proxy that feeds of advisories are fetched through, by CONNECT; a login may stand in it.',
  }),
  noProxy: setting({
    env: 'NO_PROXY',
    flag: null,
    parse: z.string().max(10_000),
    fallback: (env) => env['no_proxy'] ?? '',
    shown: 'none',
    about: 'Hosts that are reached without that proxy: `example.org,.example.net`.',
  }),
  kitKeys: setting({
    env: 'LASTEMBER_KIT_KEYS',
    flag: null,
    parse: z
      .string()
      .transform((text) => text.split(',').map((one) => one.trim()))
      .refine(
        (keys) => keys.every((key) => ED25519.test(key)),
        'is not a list of Ed25519 public keys (base64 of SPKI)',
      ),
    fallback: (): string[] => [],
    shown: '',
    about:
      'Public keys that may sign kits, separated by commas, as `lastember kit sign` prints them. Without any, a kit is installed only with the digest that it has to have.',
  }),
  checkpointOrigin: setting({
    env: 'LASTEMBER_CHECKPOINT_ORIGIN',
    flag: null,
    parse: z.string().regex(/^[^\s+]{1,200}$/, 'has a space or a plus sign'),
    fallback: () => 'lastember.local/trail',
    shown: 'lastember.local/trail',
    about: "Origin line of the trail's checkpoints: the name this log is known by.",
  }),
  checkpointFile: setting<string | null>({
    env: 'LASTEMBER_CHECKPOINT_FILE',
    flag: null,
    parse: path,
    fallback: () => null,
    shown: 'none',
    about:
      'A file that every checkpoint of the trail is also appended to, best on another machine: a witness against a rewritten or truncated database.',
  }),
};

function homeOrTmp(): string {
  try {
    return homedir();
  } catch {
    // No passwd entry and no HOME: `up` then needs --data, or a directory that is there by chance.
    return process.cwd();
  }
}

/** What the server runs with. */
export type Config = { [N in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[N]['parse']> };
export type SettingName = keyof Config;
