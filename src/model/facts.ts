import * as z from 'zod';
import { UsersFacts } from './facts/accounts.ts';
import { ReportsFacts } from './facts/reports.ts';
import { InventoryFacts, OpenSslCopy, SnapsFacts } from './facts/software.ts';
import { CronFact, HardwareFacts, KernelFacts, MountFact, RouteFact } from './facts/system.ts';
import { Sha256 } from './json.ts';
import { SECTION_NAMES, type SectionName } from './section-names.ts';

export * from './facts/accounts.ts';
export * from './facts/reports.ts';
export * from './facts/software.ts';
export * from './facts/system.ts';

/** TCP or UDP. Numbers have the range that the kernel gives them: a host says what it likes, and what is stored must fit. */
const Port = z.int().min(0).max(65_535);

/** Facts: versioned sections of a host's inventory. Each section is collected, hashed and sent by itself. */
export const OsFacts = z.object({
  id: z.string(),
  versionId: z.string(),
  codename: z.string(),
  prettyName: z.string(),
  arch: z.string(),
  hostname: z.string().max(255),
  machineId: z.string().nullable(),
  bootId: z.string().nullable(),
  kernel: z.string(),
  /** version of the distribution's package that the running kernel is; null: cannot be told; agents before 2 do not say */
  kernelVersion: z.string().nullable().default(null),
  /** label of the image the machine was built from, where the image says so (/etc/image-id, cloud metadata file) */
  image: z.string().nullable(),
  libc: z.string().nullable(),
  serviceManager: z.enum(['systemd', 'sysv', 'openrc', 'none']),
  /**
   * Where Red Hat Enterprise Linux gets its updates from; agents before 3 do not say. `pinned`: the release that it is held
   * at (`9.2`); null: none. `repositories`: of those that are enabled, the ids of such with extended support.
   */
  updatesFrom: z
    .object({ pinned: z.string().max(20).nullable(), repositories: z.array(z.string().max(200)).max(100) })
    .optional(),
});
export type OsFacts = z.infer<typeof OsFacts>;

/**
 * Where the installed version is from. The first four are the distribution's own archives; `foreign` is another archive,
 * `local` one that no list has, by that name or at all.
 */
export const PackageOrigin = z.enum(['main', 'updates', 'security', 'backports', 'foreign', 'local']);
export type PackageOrigin = z.infer<typeof PackageOrigin>;

/** purl parts of one installed package. `source`/`sourceVersion` are what distribution advisories speak of. */
export const PackageFact = z.object({
  ecosystem: z.string(),
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  source: z.string(),
  sourceVersion: z.string(),
  /** of rpm: the stream of a module that it was built for, as `php:7.4`; absent: of none, or nobody asked */
  stream: z.string().optional(),
  status: z.string(),
  /** version that the host's package manager would install now; null: none offered; absent: nobody asked */
  candidate: z.string().nullable().optional(),
  /** null: the distribution has the package, but no longer in this version; absent: nobody asked */
  origin: PackageOrigin.nullable().optional(),
  /** of the versions offered that are newer than this one, the origin that says most: security, when any of them is */
  newerFrom: z.union([PackageOrigin, z.literal('none')]).optional(),
  /** held by an administrator: the package manager leaves it as it is */
  held: z.literal(true).optional(),
});
export type PackageFact = z.infer<typeof PackageFact>;

/** Where the package manager looks for newer versions, and since when it has not. */
export const ArchiveFacts = z.object({
  /** null: no package manager that says which archives it knows */
  tool: z.literal('apt').nullable(),
  /** as `origin suite component` */
  archives: z.array(z.string()),
  /** one of them is where the distribution publishes security updates */
  security: z.boolean(),
  /** whole days since they were last asked; null: never, as far as anybody can tell */
  listsAgeDays: z.int32().nullable(),
});
export type ArchiveFacts = z.infer<typeof ArchiveFacts>;

export const ProcessFact = z.object({
  pid: z.int32().nonnegative(),
  ppid: z.int32().nonnegative(),
  user: z.string(),
  command: z.string(),
  exe: z.string().nullable(),
  unit: z.string().nullable(),
  startedAt: z.string().nullable(),
  /**
   * Files the process still maps that were replaced or deleted on disk (incl. its own executable). `package` null: none
   * has a file of that name, which is also so when an upgrade gave the file another name and nobody saw it before: below
   * /usr/lib that is a doubt, not an acquittal.
   */
  replaced: z.array(z.object({ path: z.string(), package: z.string().nullable() })),
  /** packages whose files it executes or maps, as they are on disk */
  packages: z.array(z.string()),
});
export type ProcessFact = z.infer<typeof ProcessFact>;

export const ServiceFact = z.object({
  name: z.string(),
  state: z.enum(['running', 'stopped', 'failed', 'unknown']),
  enabled: z.boolean().nullable(),
  mainPid: z.int32().nonnegative().nullable(),
  exec: z.string().nullable(),
  unitFile: z.string().nullable(),
  /** sd_notify-like declared files of the unit, from its X-Lastember section or known service configs */
  certificate: z.string().nullable(),
  privateKey: z.string().nullable(),
  sessionSecret: z.string().nullable(),
});
export type ServiceFact = z.infer<typeof ServiceFact>;

export const SocketFact = z.object({
  address: z.string(),
  port: Port,
  pid: z.int32().nonnegative().nullable(),
  process: z.string().nullable(),
  unit: z.string().nullable(),
  package: z.string().nullable(),
});
export type SocketFact = z.infer<typeof SocketFact>;

/** One aggregated conversation: `out` = this host's process connects to the peer's port; `in` = the peer connects to ours. */
export const ConnectionFact = z.object({
  direction: z.enum(['in', 'out']),
  localAddress: z.string(),
  localPort: Port,
  peerAddress: z.string(),
  peerPort: Port,
  count: z.uint32(),
  pid: z.int32().nonnegative().nullable(),
  process: z.string().nullable(),
  unit: z.string().nullable(),
});
export type ConnectionFact = z.infer<typeof ConnectionFact>;

/** Permission bits as `stat` prints them, in octal: `0644`. */
const Mode = z.string().regex(/^[0-7]{3,6}$/);

/** A settings file we look at. `text` only for known, bounded, non-secret files. */
export const FileFact = z.object({
  path: z.string(),
  exists: z.boolean(),
  mode: Mode.nullable(),
  uid: z.uint32().nullable(),
  gid: z.uint32().nullable(),
  size: z.number().int().nonnegative().nullable(),
  sha256: Sha256.nullable(),
  text: z.string().nullable(),
});
export type FileFact = z.infer<typeof FileFact>;

/** A certificate or private key found on disk: public parts only, keys by SPKI hash. */
export const CertificateFact = z.object({
  path: z.string(),
  kind: z.enum(['certificate', 'private-key']),
  spki: Sha256,
  fingerprint: Sha256.nullable(),
  serial: z.string().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  names: z.array(z.string()),
  notBefore: z.string().nullable(),
  notAfter: z.string().nullable(),
  mode: Mode,
});
export type CertificateFact = z.infer<typeof CertificateFact>;

/** The kernel's own word on AppArmor; counts are null where the list of profiles could not be read. */
export const AppArmorFacts = z.object({
  enabled: z.boolean(),
  enforced: z.uint32().nullable(),
  complaining: z.uint32().nullable(),
});
export type AppArmorFacts = z.infer<typeof AppArmorFacts>;

/**
 * Effective settings: `sshd` = lower-cased keyword → value outside of Match blocks, as its files mean it, `sysctl` = key →
 * value in force.
 */
export const SettingsFacts = z.object({
  sshd: z.record(z.string(), z.string()),
  /** who told: sshd itself (`sshd -T`) or, where it would not, its files; null: there is none; agents before 2 do not say */
  sshdBy: z.enum(['sshd', 'files']).nullable().optional(),
  /**
   * true: the files were changed after the daemon that runs read them, so that `sshd` is not in force before a reload;
   * null: it does not run, or cannot be told; agents before 3 do not say
   */
  sshdPending: z.boolean().nullable().optional(),
  /** host keys of SSH servers on disk, by their public halves; agents before 4 do not say */
  sshHostKeys: z.array(z.object({ path: z.string(), type: z.string(), fingerprint: z.string() })).optional(),
  /** agents before 5 do not say */
  appArmor: AppArmorFacts.optional(),
  sysctl: z.record(z.string(), z.string()),
  users: z.array(z.object({ name: z.string(), uid: z.uint32(), gid: z.uint32(), home: z.string(), shell: z.string() })),
});
export type SettingsFacts = z.infer<typeof SettingsFacts>;

export const NeighbourFact = z.object({ address: z.string(), mac: z.string(), device: z.string() });

/** Section name → data. */
export const Facts = z.object({
  os: OsFacts,
  packages: z.array(PackageFact),
  processes: z.array(ProcessFact),
  services: z.array(ServiceFact),
  sockets: z.array(SocketFact),
  connections: z.array(ConnectionFact),
  neighbours: z.array(NeighbourFact),
  files: z.array(FileFact),
  settings: SettingsFacts,
  certificates: z.array(CertificateFact),
  users: UsersFacts,
  kernel: KernelFacts,
  mounts: z.array(MountFact),
  routes: z.array(RouteFact),
  cron: z.array(CronFact),
  hardware: HardwareFacts,
  archive: ArchiveFacts,
  openssl: z.array(OpenSslCopy),
  snaps: SnapsFacts,
  inventories: InventoryFacts,
  reports: ReportsFacts,
} satisfies Record<SectionName, z.ZodType>);
export type Facts = z.infer<typeof Facts>;
export { SECTION_NAMES, type SectionName } from './section-names.ts';

/** One collected section. `version` is the collector's: a bump makes older facts stale. `hash` is over canonical JSON of `data`. */
export const Section = z.object({
  name: z.enum(SECTION_NAMES),
  version: z.int32().nonnegative(),
  hash: Sha256,
  collectedAt: z.string(),
  /** absent: unchanged since the hash the server already has */
  data: z.unknown().optional(),
  /** set instead of data when collection did not succeed; the last known facts stay */
  error: z.string().optional(),
});
export type Section = z.infer<typeof Section>;
