import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { processTree } from '../../lab/demo/guest/proc.ts';
import { until } from '../../lab/demo/run/wait.ts';
import { lookAround, revokedSerials, type Seen } from '../../lab/demo/run/witness.ts';
import type { Change } from '../../src/model/change.ts';
import { startEmbedded, type EmbeddedPostgres } from '../../src/platform/db/embedded/index.ts';
import { createLog } from '../../src/platform/log/index.ts';
import {
  approved,
  asRoot,
  bringUnderManagement,
  entriesOf,
  planFor,
  readHostFile,
  skip,
  startLab,
  type Database,
  type Lab,
} from '../rows/harness.ts';

/**
 * Server, worker, agent and PostgreSQL each lose their life in the middle of a rollout. Nothing may be lost by that, and
 * nothing may run twice: counted where it would show, at the packages of the host and at the authority.
 */
let lab: Lab;
let postgres: EmbeddedPostgres;
/** a victim for each */
const HOSTS = ['shop', 'pay', 'partner-api', 'tickets'];

before(async () => {
  if (skip) return;
  lab = await startLab({ net: 103, only: HOSTS, roles: ['server', 'worker'], database: await ownDatabase() });
  await bringUnderManagement(lab);
});
after(() => lab?.close());

/** As safe as in production, unlike the one that other tests share: what was committed has to survive. */
async function ownDatabase(): Promise<Database> {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-kills-'));
  chmodSync(dir, 0o711);
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const config = { dataDir: join(dir, 'postgres'), pgBinDir: null, pgUid: 64_123 };
  postgres = await startEmbedded(config, createLog('silent'));
  const root = new URL(postgres.rootUrl);
  root.pathname = '/lastember';
  return {
    urls: { root: root.href, owner: postgres.ownerUrl, app: postgres.appUrl },
    dataDir,
    close: async () => {
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The database may be away just now: then it is looked at again. */
const patiently = <T>(look: () => Promise<T>): Promise<T | null> => look().catch(() => null);

/** Waits for the moment, very often: it does not last. */
const moment = (what: string, look: () => Promise<boolean>): Promise<true> =>
  until(what, 60, async () => (await patiently(look)) || null, 15).then(() => true);

async function outcomes(change: Change): Promise<number> {
  const [row] = await lab.sql<{ count: number }>(
    'select count(*)::int as count from change.outcome where task_id in (select id from change.task where change_id = $1)',
    [change.id],
  );
  return row?.count ?? 0;
}

const seen = async (name: string): Promise<Seen> => (await lookAround(lab)).find(({ host }) => host === name)!;

const Issued = z.object({
  certificates: z.array(z.object({ serial: z.string(), subject: z.string(), spki: z.string() })),
});
async function issuedFor(name: string): Promise<{ serial: string; spki: string }[]> {
  const reply = await fetch(`${lab.estate.ca.url}/1.0/issued`);
  const { certificates } = Issued.parse(await reply.json());
  return certificates.filter(({ subject }) => subject === `CN=${name}.demo.test`);
}

interface Expected {
  /** of the package, from then on */
  swaps: number;
  /** certificates from the authority, the first one included */
  certificates: number;
}

/** Plans, approves and starts the change of one host, lets the accident happen, and judges how it ended. */
async function throughAccident(
  name: string,
  expected: Expected,
  accident: (change: Change) => Promise<void>,
): Promise<void> {
  const old = await seen(name);
  const swapsBefore = swaps(name);
  const { change } = await planFor(lab, [name]);
  await approved(lab, change);
  await lab.people.operator.runChange({ params: { id: change.id } });
  await accident(change);
  const ended = await until(`the change to end\n${whatWasSaid()}`, 150, () =>
    patiently(async () => {
      const now = await lab.people.operator.getChange({ params: { id: change.id } });
      return ['closed', 'failed', 'rolled-back', 'cancelled'].includes(now.state) ? now : null;
    }),
  );
  assert.equal(ended.state, 'closed', `${ended.why ?? ''}\n${whatWasSaid()}`);
  await judgeRecords(ended);
  assert.equal(swaps(name) - swapsBefore, expected.swaps, 'package swaps');
  const now = await seen(name);
  assert.notEqual(now.spki, old.spki);
  const issued = await issuedFor(name);
  assert.equal(issued.length, expected.certificates, 'certificates issued');
  assert.deepEqual([...new Set(issued.map(({ spki }) => spki))].sort(), [old.spki, now.spki].sort(), 'keys');
  const revoked = await revokedSerials(`${lab.estate.ca.url}/1.0/crl`);
  assert.deepEqual(
    issued.map(({ serial }) => serial).filter((serial) => revoked.has(serial)),
    [old.serial],
    'revoked is the old one and no other',
  );
}

/** Every step of the plan has exactly one outcome, in the change and on the trail. */
async function judgeRecords(change: Change): Promise<void> {
  const tasks = change.waves.flatMap((wave) => wave.tasks);
  const names = tasks.flatMap((task) =>
    task.outcomes.map(({ index, phase, ok }) => `${task.id} ${index} ${phase} ${ok}`),
  );
  // One more than the steps: the check of health at the end.
  const all = tasks.flatMap((task) => Array.from({ length: task.steps + 1 }, (_, at) => `${task.id} ${at} apply true`));
  assert.deepEqual(names.toSorted(), all.toSorted());
  const told = await entriesOf(lab, change, 'change.step.finished');
  const indexes = told.map(({ detail }) => Number(detail['index'])).toSorted((a, b) => a - b);
  assert.deepEqual(
    indexes,
    tasks.flatMap((task) => Array.from({ length: task.steps + 1 }, (_, at) => at)),
  );
  const verdict = await lab.people.operator.verifyTrail();
  assert.deepEqual(verdict.problems, []);
}

const swaps = (name: string): number =>
  readHostFile(lab, name, 'var/log/dpkg.log')
    .split('\n')
    .filter((line) => / upgrade nodejs[: ]/.test(line)).length;

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');

const whatWasSaid = (): string =>
  [...lab.roles.values()].map((each) => `${each.role}: ${each.said().slice(-1500)}`).join('\n');

test(
  'SIGKILL of the server in the middle of a rollout: the change closes, nothing is lost or done twice',
  { skip },
  async () => {
    await throughAccident('shop', { swaps: 1, certificates: 2 }, async (change) => {
      await moment('the first step to be done', async () => (await outcomes(change)) >= 1);
      await lab.roles.get('server')!.kill();
      assert.ok((await outcomes(change)) < 10, 'it was over already');
      await lab.start('server');
    });
  },
);

test(
  'SIGKILL of the worker while it asks the authority: the next one goes on, the host takes one certificate',
  { skip },
  async () => {
    const authority = processTree(process.pid).find((pid) => commandOf(pid).includes('lab/demo/ca/main.ts'))!;
    await throughAccident('pay', { swaps: 1, certificates: 2 }, async (change) => {
      // It stands still, so that the request is under way for sure when the one who asks dies.
      process.kill(authority, 'SIGSTOP');
      try {
        await moment('the request to the authority', async () => {
          const [row] = await lab.sql(
            `select from change.attempt where index = 3 and task_id in (select id from change.task where change_id = $1)`,
            [change.id],
          );
          return row !== undefined;
        });
        await lab.roles.get('worker')!.kill();
      } finally {
        process.kill(authority, 'SIGCONT');
      }
      await lab.start('worker');
    });
  },
);

test('SIGKILL of the agent in the middle of a step: it comes back and goes on where it was', { skip }, async () => {
  await throughAccident('partner-api', { swaps: 1, certificates: 2 }, async () => {
    const unit = await asRoot(
      lab,
      'partner-api',
      'systemctl show --no-pager --property=MainPID lastember-agent.service',
    );
    const pid = Number(/MainPID=(\d+)/.exec(unit)![1]);
    const journal = (): string => readHostFile(lab, 'partner-api', 'var/lib/lastember/journal.jsonl');
    await moment('the intent to upgrade', async () => journal().includes('"t":"intent"'));
    process.kill(pid, 'SIGKILL');
    assert.ok(!journal().includes('"index":5'), 'it was over already');
  });
});

test(
  'SIGKILL of PostgreSQL in the middle of a rollout: everybody waits for it, nothing that was committed is lost',
  { skip },
  async () => {
    // The package was upgraded by hand already; the service only was not restarted.
    await throughAccident('tickets', { swaps: 0, certificates: 2 }, async (change) => {
      await moment('the first step to be done', async () => (await outcomes(change)) >= 1);
      assert.ok((await outcomes(change)) < 10, 'it was over already');
      const before = await postgres.pid();
      process.kill(before!, 'SIGKILL');
      await until('PostgreSQL to come back', 90, async () => {
        const pid = await postgres.pid();
        return pid !== null && pid !== before;
      });
    });
  },
);
