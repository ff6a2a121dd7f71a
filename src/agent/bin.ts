import { readEnv } from './env.ts';
import { RUNS } from './runs.ts';

/** What waits and what looks are small; the rest is loaded by whoever needs it. */
async function begin(): Promise<number> {
  const { waiting, looking } = readEnv();
  if (waiting !== null) return (await import('./idle/start.ts')).startWaiting(waiting);
  if (looking !== null) return (await import('./idle/look.ts')).lookAndTell(looking);
  return (await import('./main.ts')).main(process.argv.slice(2));
}

void begin().then((code) => {
  if (code !== RUNS) process.exitCode = code;
});
