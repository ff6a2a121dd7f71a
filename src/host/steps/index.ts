import type { HostStepKind, StepOf } from '../../model/kit.ts';
import type { HostStep } from './contract.ts';
import { HOST_STEPS } from './registry.ts';

export type { Earlier, Effects, HostStep, Inspection, Seen, StepContext } from './contract.ts';

export { HOST_STEPS } from './registry.ts';

export type AnyHostStep = StepOf<HostStepKind>;

/** The implementation of a step's kind. */
export function stepFor(step: AnyHostStep): HostStep {
  return HOST_STEPS[step.kind] as unknown as HostStep;
}
