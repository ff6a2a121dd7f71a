import { rm } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import pc from 'picocolors';
import { startEstate, type Estate } from '../estate.ts';
import { createAccount, type Account } from './account.ts';
import { createApi } from './api.ts';
import { buildArtifacts } from './build.ts';
import type { Demo } from './context.ts';
import { walkLoop } from './loop.ts';
import type { DemoOptions } from './options.ts';
import { outDir, workDir } from './place.ts';
import { startServer, type DemoServer } from './server.ts';
import { setUpPeople } from './setup.ts';
import { summary } from './summary.ts';

/** Runs the demo; the exit code says whether everything it claims held. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const account = createAccount(options.json ? process.stderr : process.stdout);
  const stop = stopper(account);
  const interrupted = interruption();
  try {
    const walked = walk(options, account, stop);
    walked.catch(() => {});
    const result = await Promise.race([walked, interrupted]);
    if (result === 'interrupted') return 130;
    if (options.json) await write(`${JSON.stringify(result.document, null, 2)}\n`);
    tellEnd(account, result.demo, options);
    if (!options.once || options.keep) await interrupted;
    return account.claims.every(({ held }) => held) ? 0 : 1;
  } catch (error) {
    account.say(pc.red((error as Error).message));
    return 1;
  } finally {
    await stop.all();
  }
}

type Stop = () => Promise<unknown>;
const removing = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

async function walk(options: DemoOptions, account: Account, onStop: OnStop): Promise<{ demo: Demo; document: object }> {
  const work = workDir();
  onStop.last(() => removing(work));
  const [server, estate] = await account.step('start', 'Starting Lastember and the demo estate', () =>
    startAll(options, account, work, onStop),
  );
  account.say(`console: ${pc.bold(server.url)}`);
  const admin = createApi(server.url, server.token);
  const out = outDir();
  const people = await setUpPeople(server, admin, work);
  const demo: Demo = { options, account, server, estate, admin, people, out };
  account.note(`sign in as ${people.approverName} with password ${people.approverPassword}`);
  return { demo, document: summary(demo, await walkLoop(demo)) };
}

async function startAll(
  options: DemoOptions,
  account: Account,
  work: string,
  onStop: OnStop,
): Promise<[DemoServer, Estate]> {
  const started = <T extends { stop(): Promise<void> }>(what: string, starting: Promise<T>): Promise<T> => {
    // Stopped whenever it has come up, even if that is after the other one went wrong.
    onStop.beside(() =>
      starting.then(
        (each) => each.stop(),
        () => {},
      ),
    );
    return starting.then((each) => (account.say(`${what} is up`), each));
  };
  const [server, estate] = await Promise.all([
    started(
      'the server',
      startServer({
        dataDir: join(work, 'data'),
        port: options.port,
        agentPort: options.agentPort,
        logFile: join(outDir(), 'server.log'),
      }),
    ),
    started('the estate', startEstate({ dir: join(work, 'estate'), net: options.net })),
    buildArtifacts(account.say),
  ]);
  return [server, estate];
}

interface OnStop {
  /** with all the others at once */
  beside(stop: Stop): void;
  /** when they are through */
  last(stop: Stop): void;
}

function stopper(account: Account): OnStop & { all(): Promise<void> } {
  const beside: Stop[] = [];
  const last: Stop[] = [];
  const run = (stops: Stop[]): Promise<unknown> =>
    Promise.all(stops.splice(0).map((stop) => stop().catch((error: Error) => account.say(pc.red(error.message)))));
  return {
    beside: (stop) => void beside.push(stop),
    last: (stop) => void last.push(stop),
    all: async () => {
      account.say('stopping everything');
      await run(beside);
      await run(last);
    },
  };
}

async function interruption(): Promise<'interrupted'> {
  await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  return 'interrupted';
}

/** Waits until it is out: whoever reads standard output may be slow. */
function write(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

function tellEnd(account: Account, { server, people, estate }: Demo, options: DemoOptions): void {
  const failed = account.claims.filter(({ held }) => !held);
  const total = Object.values(account.durations).reduce((sum, each) => sum + each, 0);
  account.say(
    failed.length === 0
      ? pc.green(`all ${account.claims.length} claims held, in ${(total / 1000).toFixed(1)} s`)
      : pc.red(
          `${failed.length} of ${account.claims.length} claims did not hold: ${failed.map(({ claim }) => claim).join('; ')}`,
        ),
  );
  if (options.once && !options.keep) return;
  account.say(`Everything stays up until Ctrl-C. Console: ${server.url}`);
  account.note(`sign in as ${people.approverName} with password ${people.approverPassword}`);
  const cli = `LASTEMBER_TOKEN=${people.author.token} npm run --silent lastember -- --server ${server.url}`;
  account.note(`on the command line, as who asked for the change: ${cli} status`);
  account.note(
    `plan what burns now: ${cli} change create --kit heartbleed --title "Once more" --reason "it came back"`,
  );
  account.note(`hosts: ${estate.hosts.map(({ name, address }) => `${name} ${address}`).join(', ')}`);
}
