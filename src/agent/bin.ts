import { AGENT_NODE, runsAgent } from '../model/agent-node.ts';
import { readEnv } from './env.ts';
import { RUNS } from './runs.ts';

/** What waits and what looks are small; the rest is loaded by whoever needs it. */
async function begin(): Promise<number> {
  if (!runsAgent(process.version)) return tooOld();
  const { waiting, looking } = readEnv();
  if (waiting !== null) return (await import('./idle/start.ts')).startWaiting(waiting);
  if (looking !== null) return (await import('./idle/look.ts')).lookAndTell(looking);
  return (await import('./main.ts')).main(process.argv.slice(2));
}

/** Whoever runs it by hand: what installs it brings a Node or looks for one. */
function tooOld(): number {
  process.stderr.write(
    `lastember-agent needs Node ${AGENT_NODE} or newer, and ${process.execPath} is ${process.version}. Run it by a newer one, or install the agent as one file, which brings its own: lastember deploy.\n`,
  );
  return 2;
}

void begin().then((code) => {
  if (code !== RUNS) process.exitCode = code;
});
