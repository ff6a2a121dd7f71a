import * as z from 'zod';

export const InstalledKernel = z.object({
  release: z.string(),
  /** null: brought by no package that we know of */
  package: z.string().nullable(),
  version: z.string().nullable(),
});
export type InstalledKernel = z.infer<typeof InstalledKernel>;

export const KernelFacts = z.object({
  /** of the kernel that runs */
  release: z.string(),
  /** version of its package, told by the kernel itself; null: cannot be told */
  version: z.string().nullable(),
  /** package that brought the running kernel, while it is still installed */
  package: z.string().nullable(),
  /** from old to new by release; none in a container */
  installed: z.array(InstalledKernel),
  /** release of the newest installed one */
  newest: z.string().nullable(),
  /** release that the link of the boot loader names, where the distribution keeps one */
  boots: z.string().nullable(),
  modules: z.array(z.string()),
  /** the distribution's flag that something installed waits for a reboot */
  rebootRequired: z.boolean(),
  rebootPackages: z.array(z.string()),
});
export type KernelFacts = z.infer<typeof KernelFacts>;

export const MountFact = z.object({
  target: z.string(),
  source: z.string(),
  type: z.string(),
  /** sorted; those that only say where a layer of an overlay lies are left out */
  options: z.array(z.string()),
});
export type MountFact = z.infer<typeof MountFact>;

export const RouteFact = z.object({
  /** CIDR; 0.0.0.0/0 and ::/0 are the default routes */
  destination: z.string(),
  gateway: z.string().nullable(),
  device: z.string(),
  metric: z.uint32(),
});
export type RouteFact = z.infer<typeof RouteFact>;

export const CronFact = z.object({
  kind: z.enum(['crontab', 'script', 'timer']),
  /** file of the entry, the script itself, or the timer's unit */
  path: z.string(),
  user: z.string(),
  /** five fields, `@daily`, or what the timer says */
  schedule: z.string(),
  /** masked, bounded; of a timer the unit that it starts */
  command: z.string(),
  /** null: nobody can tell */
  enabled: z.boolean().nullable(),
});
export type CronFact = z.infer<typeof CronFact>;

export const DmiFacts = z.object({
  vendor: z.string().nullable(),
  product: z.string().nullable(),
  version: z.string().nullable(),
  serial: z.string().nullable(),
  uuid: z.string().nullable(),
  board: z.string().nullable(),
  assetTag: z.string().nullable(),
  biosVendor: z.string().nullable(),
  biosVersion: z.string().nullable(),
  biosDate: z.string().nullable(),
});
export type DmiFacts = z.infer<typeof DmiFacts>;

/** Told by the firmware and by what cloud-init wrote down; the metadata service is never asked. */
export const CloudFacts = z.object({
  provider: z.string(),
  instanceId: z.string().nullable(),
  instanceType: z.string().nullable(),
  region: z.string().nullable(),
  zone: z.string().nullable(),
  image: z.string().nullable(),
});
export type CloudFacts = z.infer<typeof CloudFacts>;

export const HardwareFacts = z.object({
  cpu: z.object({
    model: z.string().nullable(),
    vendor: z.string().nullable(),
    /** logical ones */
    count: z.uint32(),
    microcode: z.string().nullable(),
  }),
  /** MiB that the kernel has to give */
  memoryMiB: z.uint32().nullable(),
  dmi: DmiFacts.nullable(),
  /** `kvm`, `vmware` …; `none` on bare metal; null: cannot be told */
  virtualisation: z.string().nullable(),
  /** `docker`, `lxc` …; null: none that shows */
  container: z.string().nullable(),
  cloud: CloudFacts.nullable(),
});
export type HardwareFacts = z.infer<typeof HardwareFacts>;
