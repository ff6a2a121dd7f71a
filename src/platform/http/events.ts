import { MAY } from '../../model/actor.ts';
import type { Events } from '../context.ts';
import { route, type Route } from './route.ts';

/** Proxies and browsers drop a silent stream. */
const HEARTBEAT_MS = 20_000;
/** A reader that does not keep up loses old events; the console only takes them as "look again". */
const BACKLOG = 1000;

/** Server-sent events: what changed, by topic and ids, so that pages stay current without reloading. */
export function eventsRoute(events: Events, heartbeatMs = HEARTBEAT_MS): Route {
  return route({
    method: 'GET',
    path: '/events',
    id: 'events',
    summary: 'Live updates as server-sent events: topic and ids of what changed',
    access: MAY.read,
    raw: true,
    handler: async ({ signal, still }) => ({
      contentType: 'text/event-stream',
      headers: { 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      body: stream(events, signal, heartbeatMs, still ?? (async () => true)),
    }),
  });
}

async function* stream(
  events: Events,
  signal: AbortSignal,
  heartbeatMs: number,
  still: () => Promise<boolean>,
): AsyncIterable<string> {
  const queue: string[] = [];
  let welcome = true;
  let wake = (): void => {};
  const push = (text: string): void => {
    if (queue.length < BACKLOG) queue.push(text);
    wake();
  };
  const stop = events.subscribe('*', (event) => push(`data: ${JSON.stringify(event)}\n\n`));
  // Whoever signed out, was disabled or demoted meanwhile hears nothing more.
  const heartbeat = setInterval(async () => {
    welcome = await still();
    push(': alive\n\n');
  }, heartbeatMs);
  signal.addEventListener('abort', () => wake());
  try {
    yield ': open\n\n';
    while (welcome && !signal.aborted) {
      const next = queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearInterval(heartbeat);
    stop();
  }
}
