/** How long a look waits for a package manager; it has a time limit of its own. */
export const LOOK_TIMEOUT_MS = 20_000;
/** How long an archive may be out of reach before packages that were about to be installed are given up. */
export const NETWORK_PATIENCE_MS = 10 * 60_000;

/** Name → exact version, as the host's package manager writes it. */
export type Wanted = Readonly<Record<string, string>>;

export interface Simulation {
  /** `from` null: it is not there yet, or stays beside the new one (kernels of rpm) */
  changes: { name: string; from: string | null; to: string }[];
  removed: string[];
}

export interface Hold {
  held: boolean;
  /** what stood in the package manager's own file, where an undo has to put it back as it was; null elsewhere */
  entry: string | null;
}

/** Settings files that had been changed on the host, when a package brought others. */
export interface Settings {
  /** somebody's own stay in force */
  kept: string[];
  /** the package's are in force, somebody's own lie beside them */
  replaced: string[];
}

/**
 * What steps need of the package manager of a host, for one piece of work: what is installed may be read once for all of it.
 * Nothing is ever asked there, and another run of a package manager is waited for.
 */
export interface PackageManager {
  readonly name: 'apt' | 'dnf' | 'zypper' | 'apk';
  /** where its holds are kept */
  readonly holdsIn: string;
  /** what an administrator runs when packages are half-way */
  readonly repair: string;
  /** name → version of everything that is installed whole; of several versions of one name, the newest */
  installed(): Promise<Map<string, string>>;
  /** The version that it would bring each to now, from the lists as they are; null for what it does not offer. */
  candidates(names: readonly string[]): Promise<Map<string, string | null>>;
  /**
   * Name → version of all that it would bring newer, from the lists as they are: nothing is fetched, also where there are
   * none. Null: it cannot tell.
   */
  newer(): Promise<Map<string, string> | null>;
  /** Fetches the lists. Where an archive cannot be reached within `patienceMs`, its old ones stand. */
  refresh(patienceMs?: number): Promise<void>;
  simulate(wanted: Wanted): Promise<Simulation>;
  heldAmong(names: readonly string[]): Promise<string[]>;
  holdOf(name: string): Promise<Hold>;
  /** `entry`: what was there before, for an undo. */
  hold(name: string, on: boolean, entry?: string | null): Promise<void>;
  /** packages that were begun and not finished */
  unfinished(): Promise<string[]>;
  /** Finishes those that it can by themselves; what waits for others of a set stays unfinished. */
  finish(): Promise<void>;
  /** Is somebody at work with it? */
  isLocked(): Promise<boolean>;
  /**
   * Brings exactly these to exactly these versions, up or down, in one transaction; all is fetched before anything is
   * unpacked, with patience while the network is away. An error names the package and what lies half-way.
   */
  install(wanted: Wanted): Promise<Settings>;
}
