import type { Checkpoint } from '../../model/trail.ts';
import type { Module } from '../../platform/context.ts';

export interface Trail extends Module {
  checkpoint(): Promise<Checkpoint | null>;
  /** C2SP verifier key line: what agents and offline verifiers pin. */
  verifierKey(): Promise<string>;
}
