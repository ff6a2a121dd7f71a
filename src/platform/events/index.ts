import { setTimeout as sleep } from 'node:timers/promises';
import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Db, Events, Topic } from '../context.ts';
import { clientConfig } from '../db/pool.ts';
import { prepared } from '../db/prepared.ts';

const CHANNEL = 'lastember_events';
export type Event = { topic: Topic; payload: Record<string, string> };
type Listener = (event: Event) => void;

/**
 * Announces events, however many: a plan may have more hosts than a select has columns. Within a transaction they go out
 * at its commit. Ids only: 8000 bytes at most each.
 */
export function notifyAll(events: readonly Event[]): RawBuilder<unknown> {
  const texts = events.map((event) => JSON.stringify(event));
  return sql`${prepared}select pg_notify(${CHANNEL}, text) from unnest(${texts}::text[]) as text`;
}

export interface EventBus extends Events {
  close(): Promise<void>;
}

interface Bus {
  url: string;
  log: Logger;
  listeners: Map<Listener, Topic | '*'>;
  client: pg.Client | null;
  closed: boolean;
  reconnecting: Promise<void> | null;
}

/**
 * One connection that listens for all subscribers of this process, and comes back by itself when it breaks. What was
 * announced meanwhile is lost: events only save waiting, whoever needs certainty looks at the tables.
 */
export async function createEvents(db: Db, url: string, log: Logger): Promise<EventBus> {
  const bus: Bus = { url, log, listeners: new Map(), client: null, closed: false, reconnecting: null };
  await connect(bus);
  return {
    publish: async (topic, payload) => {
      await notifyAll([{ topic, payload }]).execute(db);
    },
    subscribe: (topic, listener) => {
      // A wrapper of its own, so that one function may listen twice and be taken off once.
      const own: Listener = (event) => listener(event);
      bus.listeners.set(own, topic);
      return () => void bus.listeners.delete(own);
    },
    close: async () => {
      bus.closed = true;
      bus.listeners.clear();
      const client = bus.client;
      bus.client = null;
      await client?.end().catch(() => undefined);
      await bus.reconnecting;
    },
  };
}

async function connect(bus: Bus): Promise<void> {
  const client = new pg.Client(clientConfig(bus.url, 'lastember-events'));
  client.on('notification', (message) => dispatch(bus, message.payload ?? '{}'));
  client.on('error', (error) => bus.log.warn({ err: error }, 'the event connection broke'));
  client.on('end', () => {
    if (bus.client !== client) return;
    bus.client = null;
    bus.reconnecting = reconnect(bus);
  });
  try {
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  bus.client = client;
  // Closed while we were connecting: nobody else will end this connection.
  if (bus.closed) await client.end();
}

async function reconnect(bus: Bus): Promise<void> {
  for (let delay = 50; !bus.closed; delay = Math.min(delay * 2, 5000)) {
    try {
      await connect(bus);
      return;
    } catch {
      await sleep(delay);
    }
  }
}

function dispatch(bus: Bus, text: string): void {
  const event = JSON.parse(text) as Event;
  for (const [listener, topic] of bus.listeners) {
    if (topic !== '*' && topic !== event.topic) continue;
    try {
      listener(event);
    } catch (error) {
      bus.log.error({ err: error, topic: event.topic }, 'an event listener threw');
    }
  }
}
