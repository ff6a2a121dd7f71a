import type { Transaction } from 'kysely';
import type { Actor } from '../model/actor.ts';
import type { JobName, Jobs } from '../model/jobs.ts';
import type { Db, EnqueueOptions, NoTables, Platform, Tx } from './context.ts';
import { insideTransaction } from './db/pool.ts';
import { type Event, notifyAll } from './events/index.ts';
import { append, appendAll } from './ledger/index.ts';
import type { Pending } from './queue/index.ts';

export interface ActDeps {
  db: Db;
  now: () => Date;
  /** puts the jobs into the queue within the transaction */
  send: (tx: Transaction<NoTables>, jobs: Pending[]) => Promise<void>;
}

/** The two ways to write; see `Platform.act` and `Platform.observe`. */
export function createAct(deps: ActDeps): Pick<Platform, 'act' | 'observe'> {
  const observe = async <T>(actor: Actor, fn: (tx: Tx) => Promise<T>): Promise<T> => {
    return deps.db.transaction().execute(async (db) => {
      const jobs: Pending[] = [];
      const events = new Map<string, Event>();
      const result = await insideTransaction.run(true, () => fn(openTx(db, actor, deps.now(), jobs, events)));
      // They go out at the commit in any case: each once, all in one statement.
      if (events.size > 0) await notifyAll([...events.values()]).execute(db);
      // Last and sorted, so that two transactions that wake the same jobs cannot wait for each other in a circle.
      await deps.send(db, jobs);
      return result;
    });
  };
  return {
    observe,
    act: (actor, draft, fn) =>
      observe(actor, async (tx) => {
        const entry = { ...draft };
        const result = await fn(tx, entry);
        await tx.record(entry);
        return result;
      }),
  };
}

function openTx(db: Transaction<NoTables>, actor: Actor, now: Date, jobs: Pending[], events: Map<string, Event>): Tx {
  return {
    db,
    actor,
    now,
    record: (entry) => append(db, actor, now, entry),
    recordAll: (entries) => appendAll(db, actor, now, entries),
    enqueue: async <N extends JobName>(name: N, payload: Jobs[N], options?: EnqueueOptions) => {
      jobs.push({ name, payload, options: options ?? {} });
    },
    publish: async (topic, payload) => {
      events.set(JSON.stringify([topic, payload]), { topic, payload });
    },
  };
}
