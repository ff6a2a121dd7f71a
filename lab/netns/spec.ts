import type { Release } from './rootfs.ts';

/** Which segment: 0 is the one that the lab's namespace is on, 1 the one behind the bastion. */
export type Segment = 0 | 1;

export interface Account {
  name: string;
  password?: string;
  /** logs in with the lab's key */
  key?: boolean;
  sudo?: 'password' | 'no password';
}

/** What is built from a release's source because no archive has it: built/index.ts knows how. */
export type Built = 'kernels' | 'openssl';

export interface HostSpec {
  name: string;
  release: Release;
  /** last number of its address on each segment it is on: 10.61.SEGMENT.NUMBER */
  legs: readonly { segment: Segment; number: number }[];
  /** what is special about it */
  about: string;
  root: { key: boolean; password?: string };
  accounts?: readonly Account[];
  /** init scripts that are enabled; the others are not */
  services: readonly string[];
  /** packages that its release does not have installed, those of the release that it has not, and what it has also from
   * the security archive, beside the release's */
  layer?: { install: readonly string[]; remove?: readonly string[]; newer?: readonly string[] };
  /** what it has that no archive has */
  built?: readonly Built[];
  /** text files by path */
  files?: Readonly<Record<string, string | { text: string; mode: number }>>;
  /** bash, run inside once, before the services first start */
  setup?: string;
  /** size of its disk, as tmpfs takes it; unlimited without */
  disk?: string;
  /** false: nothing there plays systemd, its init scripts are all that there is */
  systemctl?: false;
  /** a virtual machine: a kernel, a boot loader and systemd of its own, which `layer` brings */
  machine?: true;
  /** where it gets packages; the lab's mirror unless it cannot reach it */
  mirror?: string;
}

export const NETWORK = '10.61';
export const LAB_ADDRESS = `${NETWORK}.0.1`;
export const MIRROR_PORT = 3142;
export const addressOn = (spec: HostSpec, segment: Segment): string | null => {
  const leg = spec.legs.find((one) => one.segment === segment);
  return leg ? `${NETWORK}.${segment}.${leg.number}` : null;
};
/** The address others know it by. */
export const addressOf = (spec: HostSpec): string => addressOn(spec, spec.legs[0]!.segment)!;
