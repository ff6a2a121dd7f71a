/** Does one step on a tree and prints what came of it as JSON: `testing-perform.ts ROOT STEP`. For tests only. */
import { localHost } from '../local.ts';
import { isAppError } from '../../model/errors/index.ts';
import { stepFor, type AnyHostStep } from './index.ts';

const [root = '', json = ''] = process.argv.slice(2);
const host = localHost({ root });
const step = JSON.parse(json) as AnyHostStep;
const context = { inputs: {}, task: { steps: [] }, resumed: null, earlier: [], login: null, now: () => new Date() };
try {
  const found = await stepFor(step).inspect(host, step, context);
  const after = found.already ?? (await stepFor(step).apply(host, step, found.before, context));
  process.stdout.write(JSON.stringify({ ok: true, after }));
} catch (error) {
  const code = isAppError(error) ? error.code : 'bug';
  process.stdout.write(JSON.stringify({ ok: false, code, message: (error as Error).message }));
}
