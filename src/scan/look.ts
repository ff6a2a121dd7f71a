import type { Transport } from '../model/estate.ts';
import type { ProbeResult } from '../model/probe.ts';

/** One look at one open port: what a probe read, or why it could not. */
export interface Look {
  address: string;
  port: number;
  /** absent: TCP */
  transport?: Transport;
  at: Date;
  result: ProbeResult | null;
  error: string | null;
  /** only a glance was taken: that nothing was heard shows little */
  isGlance?: boolean;
}
