import * as z from 'zod';

export const Severity = z.enum(['critical', 'high', 'medium', 'low', 'info']);
export type Severity = z.infer<typeof Severity>;

/** Catalogues of controls that checks may serve, as people name them. Only ids are kept, never their texts. */
export const FRAMEWORKS = {
  'cis-debian-12': 'CIS Debian Linux 12 v1.1.0',
  'nist-800-53': 'NIST SP 800-53',
  'pci-dss-4': 'PCI DSS v4.0',
} as const;
export const Framework = z.enum(Object.keys(FRAMEWORKS) as [keyof typeof FRAMEWORKS, ...(keyof typeof FRAMEWORKS)[]]);
export type Framework = z.infer<typeof Framework>;
const ControlId = z.string().regex(/^[A-Z0-9][A-Za-z0-9.()-]{0,20}$/);

const CheckBase = {
  id: z.string().regex(/^[a-z0-9-]{1,60}$/),
  title: z.string(),
  severity: Severity,
  why: z.string(),
  references: z.array(z.string()).default([]),
  /** framework → ids of its controls that this check serves */
  controls: z.partialRecord(Framework, z.array(ControlId).min(1).max(20)).default({}),
  /** what a person has to do, where no step can */
  byHand: z.string().max(1000).optional(),
};

/** Affected range of one package in one ecosystem; versions are compared by that ecosystem's own order. */
export const AffectedRange = z
  .object({
    ecosystem: z.string(),
    /** source package name where the ecosystem has them */
    name: z.string(),
    introduced: z.string().default('0'),
    fixed: z.string().optional(),
  })
  .strict();
export type AffectedRange = z.infer<typeof AffectedRange>;

/** A check is one rule over facts or over an endpoint's probe result. */
export const Check = z.discriminatedUnion('kind', [
  /** CEL over `probe` and `endpoint`; `expect` true = pass. Evaluated per endpoint. */
  z
    .object({
      kind: z.literal('endpoint'),
      ...CheckBase,
      when: z.string().default('true'),
      expect: z.string(),
      unknown: z.string().default('false'),
      evidence: z.record(z.string(), z.string()).default({}),
    })
    .strict(),
  /** CEL over `facts`; `expect` true = pass. Evaluated per host, or with `each` per item of that list, named `item`. */
  z
    .object({
      kind: z.literal('host'),
      ...CheckBase,
      /** CEL: a list of the things on the host that the check is about, one finding each */
      each: z.string().optional(),
      /** CEL: text that names what within the host it is about; by default the check's id */
      component: z.string().optional(),
      when: z.string().default('true'),
      expect: z.string(),
      /** CEL: where true, a pass proves nothing, and the check is undecided */
      unknown: z.string().default('false'),
      /** a finding that is open closes only when what was installed runs: src/model/in-force.ts */
      until: z.literal('in-force').optional(),
      /** what had a finding and is not among the items any more is not known to be mended; without it, it is gone */
      gone: z.literal('unknown').optional(),
      /** KIT/CHECK: nothing is opened for a unit whose processes a burning finding of that check names already */
      coveredBy: z
        .string()
        .regex(/^[a-z0-9-]{1,60}\/[a-z0-9-]{1,60}$/)
        .optional(),
      evidence: z.record(z.string(), z.string()).default({}),
    })
    .strict(),
  /**
   * Installed packages in an affected range. `provenBy`: an endpoint check of this kit that, when it passes on every
   * listener run by the package, clears the version-based suspicion (the version is affected, the build is not).
   */
  z
    .object({
      kind: z.literal('package'),
      ...CheckBase,
      advisory: z.string(),
      aliases: z.array(z.string()).default([]),
      affected: z.array(AffectedRange).min(1),
      provenBy: z.string().optional(),
      /**
       * what the host is set to that keeps a version in range from being affected: CEL over `facts` that is true while it is
       * in force, and why that is so; the finding is set aside with it, and burns again when it is true no longer
       */
      mitigated: z
        .object({
          when: z.string(),
          because: z.string().min(10).max(300),
          evidence: z.record(z.string(), z.string()).default({}),
        })
        .strict()
        .optional(),
    })
    .strict(),
]);
export type Check = z.infer<typeof Check>;

/**
 * Remediation steps. Every argument may hold `${…}` references that the planner resolves from the finding and the
 * host's facts; a plan holds resolved values only. What can be named (src/loop/change/logic/template.ts):
 *   host        id name bootId
 *   finding     check component evidence
 *   package     name version candidate       installed package behind the finding, and the version its archive offers
 *   service     name certificate privateKey sessionSecret      unit behind the endpoint and the files it names
 *   endpoint    address port
 *   certificate spki serial names crlUrl     burnt key and the certificate that was served with it
 *   authority   name issuerSpki              the configured authority that issued that certificate
 * A text that is one `${…}` alone takes the value as it is (a number, a list). `if` is CEL over the same names,
 * except `package`, which CEL reserves.
 * Steps are laid out per listener; a step about something that the listener does not have (its service names no session
 * secret, the host has nothing to upgrade) is left out of that listener's part.
 */
export const UpgradePackage = z
  .object({ kind: z.literal('upgrade-package'), name: z.string(), version: z.string() })
  .strict();
/**
 * Exact versions of several packages, as NAME=VERSION, in one transaction of the host's package manager: what belongs
 * together is never half there, and its scripts run once.
 */
export const UpgradePackages = z
  .object({
    kind: z.literal('upgrade-packages'),
    packages: z
      .array(z.string().regex(/^[0-9A-Za-z][\w+.-]*=[0-9A-Za-z][\w.+:~^-]*$/))
      .min(1)
      .max(5000),
  })
  .strict();
export const SetFileLine = z
  .object({
    kind: z.literal('set-file-line'),
    path: z.string(),
    key: z.string(),
    separator: z.string().default(' '),
    value: z.string(),
  })
  .strict();
export const WriteFile = z
  .object({
    kind: z.literal('write-file'),
    path: z.string(),
    content: z.string(),
    mode: z.string().regex(/^0[0-7]{3}$/),
  })
  .strict();
export const SetFileMode = z
  .object({ kind: z.literal('set-file-mode'), path: z.string(), mode: z.string().regex(/^0[0-7]{3}$/) })
  .strict();
export const ServiceStep = z
  .object({
    kind: z.literal('service'),
    name: z.string(),
    /** enable, disable: whether it starts at boot; what runs now is left alone */
    action: z.enum(['restart', 'reload', 'stop', 'start', 'enable', 'disable']),
  })
  .strict();
export const SysctlStep = z.object({ kind: z.literal('sysctl'), key: z.string(), value: z.string() }).strict();
/** New key pair made on the host (never leaves it); the output is a PKCS#10 request for the old certificate's names. */
export const RotateKey = z
  .object({ kind: z.literal('rotate-key'), keyPath: z.string(), names: z.array(z.string()), oldSpki: z.string() })
  .strict();
/** Server side: the request goes to the authority. `issuerSpki` pins who may have signed what the host will accept. */
export const ReissueCertificate = z
  .object({ kind: z.literal('reissue-certificate'), authority: z.string(), names: z.array(z.string()) })
  .strict();
/** Host side: puts new key and chain in place; refuses a chain that does not hold its own new key and the planned names. */
export const InstallCertificate = z
  .object({
    kind: z.literal('install-certificate'),
    keyPath: z.string(),
    certificatePath: z.string(),
    names: z.array(z.string()),
    issuerSpki: z.string(),
  })
  .strict();
/** Server side, from outside: the endpoint serves another key than `oldSpki` and is not vulnerable. */
export const VerifyServed = z
  .object({ kind: z.literal('verify-served'), address: z.string(), port: z.number().int(), oldSpki: z.string() })
  .strict();
/** Server side; only after verify-served of the same task succeeded. */
export const RevokeCertificate = z
  .object({
    kind: z.literal('revoke-certificate'),
    authority: z.string(),
    serial: z.string(),
    reason: z.literal('keyCompromise'),
  })
  .strict();
/** Server side: the serial is in the CRL that the certificate names. */
export const VerifyRevoked = z
  .object({ kind: z.literal('verify-revoked'), serial: z.string(), crlUrl: z.string() })
  .strict();
/** Host side: replaces the service's session secret with fresh random bytes and restarts it, so old sessions end. */
export const InvalidateSessions = z
  .object({ kind: z.literal('invalidate-sessions'), path: z.string(), service: z.string() })
  .strict();
/**
 * The machine boots anew and has to come back: another boot id, the kernel that was wanted, and the units that ran.
 * `since`: the boot id when it was planned; where it is another by then, somebody has rebooted already.
 */
export const RebootStep = z
  .object({
    kind: z.literal('reboot'),
    kernel: z.string().optional(),
    since: z.string().optional(),
    returnSeconds: z.number().int().min(60).max(7200).default(900),
  })
  .strict();
/** Keeps a package at its version, or lets it go again. */
export const PackageHold = z
  .object({ kind: z.literal('package-hold'), name: z.string().regex(/^[0-9A-Za-z][\w+.-]*$/), hold: z.boolean() })
  .strict();
/** No password and no other way in for an account; what it owns and runs stays. */
export const LockUser = z
  .object({ kind: z.literal('lock-user'), user: z.string().regex(/^[a-z_][a-z0-9_.-]{0,31}$/i) })
  .strict();
/**
 * A block between two marked comments, which is ours alone: whatever the rest of the file says. Empty content removes it.
 * In sshd's files a block that begins with Match goes to the end, any other to the start, where the first value counts.
 */
export const SetFileSection = z
  .object({
    kind: z.literal('set-file-section'),
    path: z.string(),
    name: z.string().regex(/^[\w. -]{1,60}$/),
    content: z.string().max(65_536),
    comment: z
      .string()
      .regex(/^\S{1,4}$/)
      .default('#'),
  })
  .strict();
/**
 * A shell script with all that it may change declared: it is part of the plan, so approvers read it. Files are put back by an
 * undo, services and packages are not. What changed besides is reported. It runs once: cut off by a power cut it is not
 * repeated.
 */
export const RunScript = z
  .object({
    kind: z.literal('run-script'),
    script: z.string().min(1).max(65_536),
    files: z.array(z.string()).max(100).default([]),
    services: z.array(z.string()).max(100).default([]),
    packages: z.array(z.string()).max(100).default([]),
    timeoutSeconds: z.number().int().min(1).max(3600).default(300),
  })
  .strict();

export const Step = z.discriminatedUnion('kind', [
  UpgradePackage,
  UpgradePackages,
  SetFileLine,
  WriteFile,
  SetFileMode,
  ServiceStep,
  SysctlStep,
  RotateKey,
  ReissueCertificate,
  InstallCertificate,
  VerifyServed,
  RevokeCertificate,
  VerifyRevoked,
  InvalidateSessions,
  RebootStep,
  PackageHold,
  LockUser,
  SetFileSection,
  RunScript,
]);
export type Step = z.infer<typeof Step>;
export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** Kinds the server's worker carries out; all others run on the host and are verified by it. */
export const SERVER_STEPS = [
  'reissue-certificate',
  'verify-served',
  'revoke-certificate',
  'verify-revoked',
] as const satisfies readonly StepKind[];
export type ServerStepKind = (typeof SERVER_STEPS)[number];
export type HostStepKind = Exclude<StepKind, ServerStepKind>;
export function isServerStep(step: Step): step is StepOf<ServerStepKind> {
  return (SERVER_STEPS as readonly string[]).includes(step.kind);
}

/** Steps as a kit writes them: same kinds, arguments still templates (numbers may be template strings). */
export const StepTemplate = z
  .object({
    kind: z.enum(Step.options.map((o) => o.shape.kind.value) as [StepKind, ...StepKind[]]),
    /** CEL; the step is left out where false */ if: z.string().optional(),
  })
  .catchall(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
export type StepTemplate = z.infer<typeof StepTemplate>;

/** What templates may name, as listed above; a kit that names anything else is refused when it is loaded. */
export const TEMPLATE_NAMES: Readonly<Record<string, readonly string[]>> = {
  host: ['id', 'name', 'bootId'],
  finding: ['check', 'component', 'evidence'],
  package: ['name', 'version', 'candidate'],
  service: ['name', 'certificate', 'privateKey', 'sessionSecret'],
  endpoint: ['address', 'port'],
  certificate: ['spki', 'serial', 'names', 'crlUrl'],
  authority: ['name', 'issuerSpki'],
};

export const Remediation = z
  .object({
    id: z.string(),
    /** ids of checks of this kit that this remediates */
    fixes: z.array(z.string()).min(1),
    steps: z.array(StepTemplate).min(1),
    /** `undo` undoes what can be undone, in reverse order, when a health check fails */
    rollback: z.enum(['undo', 'none']).default('undo'),
  })
  .strict();
export type Remediation = z.infer<typeof Remediation>;

export const Kit = z
  .object({
    kit: z.string().regex(/^[a-z0-9-]{1,60}$/),
    version: z.string().regex(/^\d+\.\d+\.\d+$/),
    title: z.string(),
    summary: z.string(),
    references: z.array(z.string()).default([]),
    /** CEL over `facts` (host) — where false, every check of the kit is not applicable */
    applies: z.string().default('true'),
    /** a compromise kit: keys served while vulnerable are burnt; its campaign has all the steps of the funnel */
    compromise: z.boolean().default(false),
    checks: z.array(Check).min(1),
    remediate: z.array(Remediation).default([]),
    texts: z.object({ risk: z.string(), owner: z.string().optional(), executive: z.string().optional() }).strict(),
  })
  .strict();
export type Kit = z.infer<typeof Kit>;
