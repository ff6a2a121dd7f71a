/**
 * `node steps.ts JSON`, run in a lab's namespace: steps on one host over SSH, in their order. What each saw, or why it was
 * refused, comes as one JSON list on standard output; what is done is undone again where that is asked for.
 */
import { readFileSync } from 'node:fs';
import { sshHost } from '../../../src/host/ssh/index.ts';
import { stepFor, type AnyHostStep } from '../../../src/host/steps/index.ts';
import { isAppError } from '../../../src/model/errors/index.ts';

export interface StepsInput {
  address: string;
  /** path of the key that logs in as root */
  key: string;
  steps: readonly { step: AnyHostStep; undo?: boolean }[];
}

export interface StepDone {
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  undone?: Record<string, unknown>;
  code?: string;
  why?: string;
}

const { address, key, steps } = JSON.parse(process.argv[2]!) as StepsInput;
const host = await sshHost({
  address,
  port: 22,
  username: 'root',
  auth: { privateKey: readFileSync(key, 'utf8') },
  trust: () => true,
});
const context = { inputs: {}, task: { steps: [] }, resumed: null, earlier: [], login: null, now: () => new Date() };

async function perform({ step, undo }: StepsInput['steps'][number]): Promise<StepDone> {
  try {
    const { before, already } = await stepFor(step).inspect(host, step, context);
    const after = already ?? (await stepFor(step).apply(host, step, before, context));
    if (undo !== true) return { before, after };
    return { before, after, undone: await stepFor(step).undo(host, step, before, context) };
  } catch (error) {
    return { code: isAppError(error) ? error.code : 'bug', why: (error as Error).message };
  }
}

const done: StepDone[] = [];
for (const one of steps) done.push(await perform(one));
await host.close();
process.stdout.write(`${JSON.stringify(done)}\n`);
