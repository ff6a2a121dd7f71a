/** One check: how a host is made bad for it, and who puts it right. */
export interface Trial {
  /** KIT/CHECK */
  check: string;
  /** what within the host it has to fail for; without, whatever it fails for counts */
  component?: string;
  /** at which listener it has to fail; without, at whichever */
  port?: number;
  /** shell, as root in the host; empty: Debian comes so */
  bad: string;
  /** our kits have no remediation: shell that does what the check tells people to do */
  byHand?: string;
  /** shell that ends with 0 while the host is bad and with 1 once it was put right: a word that is not our own */
  proof?: string;
  /** shell; where it fails, this machine cannot show it, and the reason is `else` */
  where?: string;
  else?: string;
}

/** Trials that do not get in each other's way: made bad at once, looked at once, put right in one change a kit. */
export interface Group {
  title: string;
  trials: readonly Trial[];
  /** shell, after everything was made bad */
  settle?: string;
  /** shell, when all is done: what the groups after it need is put back */
  tidy?: string;
  /** look at these ports from outside as well */
  ports?: readonly number[];
  /** and at these, over UDP */
  udp?: readonly number[];
  /** what a day brings that the lab cannot wait for: judged as if it were that time (ISO) */
  asOf?: string;
  /** kits whose turn comes then, one after the other, for what they find by a look of their own */
  afterwards?: readonly string[];
  /** what people do comes before the change, whose boot puts it in force */
  handsFirst?: true;
  /** what is run has the machine's rights, as mounts need them */
  machine?: true;
}

/** A check that is not tried here, and where it is instead, or why nowhere. */
export interface Untried {
  checks: readonly string[];
  why: string;
  /** a test that shows it, by path */
  test?: string;
}

/** What a check said of one thing. */
export interface Said {
  component: string;
  verdict: 'pass' | 'fail' | 'not-applicable' | 'unknown';
  proven: boolean;
  pending: string | null;
}

export interface TrialResult {
  check: string;
  /** why it was not tried */
  skipped: string | null;
  before: Said[];
  /** how its proof ended before and afterwards; null: it has none */
  proof: [before: number | undefined, after: number | undefined] | null;
  /** what of it could not be planned */
  left: string[];
  /** of the same components, after what was done */
  after: Said[];
}

export interface GroupResult {
  title: string;
  trials: TrialResult[];
  /** steps that failed or were refused */
  errors: string[];
  /** what went wrong in the making of it */
  broken: string | null;
  steps: number;
  seconds: number;
}
