import { setTimeout as sleep } from 'node:timers/promises';
import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Db, Events, Topic } from '../context.ts';
import { clientConfig } from '../db/pool.ts';

const CHANNEL = 'lastember_events';
type Event = { topic: Topic; payload: Record<string, string> };
type Listener = (event: Event) => void;

/** The call that announces an event; within a transaction it goes out at its commit. Ids only: 8000 bytes at most. */
export function notify(topic: Topic, payload: Record<string, string>): RawBuilder<unknown> {
  return sql`pg_notify(${CHANNEL}, ${JSON.stringify({ topic, payload })})`;
}

export interface EventBus extends Events {
  close(): Promise<void>;
}

/**
 * One connection that listens for all subscribers of this process, and comes back by itself when it breaks. What was
 * announced meanwhile is lost: events only save waiting, whoever needs certainty looks at the tables.
 */
export async function createEvents(db: Db, url: string, log: Logger): Promise<EventBus> {
  const listeners = new Map<Listener, Topic | '*'>();
  const state: { client: pg.Client | null; closed: boolean; connecting: Promise<void> | null } = {
    client: null,
    closed: false,
    connecting: null,
  };

  const dispatch = (text: string): void => {
    const event = JSON.parse(text) as Event;
    for (const [listener, topic] of [...listeners]) {
      if (topic !== '*' && topic !== event.topic) continue;
      try {
        listener(event);
      } catch (error) {
        log.error({ err: error, topic: event.topic }, 'an event listener threw');
      }
    }
  };

  const connect = async (): Promise<void> => {
    const client = new pg.Client(clientConfig(url, 'lastember-events'));
    client.on('notification', (message) => dispatch(message.payload ?? '{}'));
    client.on('error', (error) => log.warn({ err: error }, 'the event connection broke'));
    client.on('end', () => {
      if (state.client !== client) return;
      state.client = null;
      state.connecting = reconnect();
    });
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
    state.client = client;
  };

  const reconnect = async (): Promise<void> => {
    for (let delay = 50; !state.closed; delay = Math.min(delay * 2, 5000)) {
      try {
        await connect();
        return;
      } catch {
        await sleep(delay, undefined, { ref: false });
      }
    }
  };

  await connect();
  return {
    publish: async (topic, payload) => {
      await sql`select ${notify(topic, payload)}`.execute(db);
    },
    subscribe: (topic, listener) => {
      // A wrapper of its own, so that one function may listen twice and be taken off once.
      const own: Listener = (event) => listener(event);
      listeners.set(own, topic);
      return () => listeners.delete(own);
    },
    close: async () => {
      state.closed = true;
      const client = state.client;
      state.client = null;
      listeners.clear();
      await client?.end().catch(() => undefined);
      await state.connecting;
    },
  };
}
