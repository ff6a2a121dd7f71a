/** What differs from one recording to the next and says nothing: times, ids, keys' hashes, PIDs. Pure. */
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const HASH = /^[0-9a-f]{64}$/;
/** at the end of what a look at TLS rests on: of the certificate */
const SHORT_HASH = /[0-9a-f]{16}$/;
const MACHINE_ID = /^[0-9a-f]{32}$/;
/** also within a text */
const UUID = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
const AGENT = /^agent_\w+$/;
const SSH_HASH = /^SHA256:[A-Za-z0-9+/]{43}$/;

type Rewrite = (value: unknown, key: string) => unknown;

/** Every leaf of JSON, by the name of the field that it is in. */
function rewritten(value: unknown, rewrite: Rewrite, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => rewritten(one, rewrite, key));
  if (typeof value !== 'object' || value === null) return rewrite(value, key);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rewritten(inner, rewrite, name)]));
}

/** The first, second, third … of its kind. */
function numbered<T>(make: (n: number) => T): (value: unknown) => T {
  const known = new Map<unknown, T>();
  return (value) => {
    const one = known.get(value) ?? make(known.size + 1);
    known.set(value, one);
    return one;
  };
}

const FAR = 90;
const YEAR = 365;

/** Days from now. How long ago a certificate was made, or an account, depends on when the lab was; what is far ahead is so for a year. */
function daysOf(text: string, key: string, now: Date): number {
  const days = Math.round((Date.parse(text) - now.getTime()) / DAY);
  if (days < 0 && key === 'notBefore') return 0;
  return days > FAR ? Math.ceil(days / YEAR) * YEAR : days;
}

/**
 * As if it had been looked at then: days from now stay as many days, all that happened earlier today is now, and processes
 * have run for an hour.
 */
export function steady<T>(found: T, now: Date, then: Date): T {
  const today = now.toISOString().slice(0, 10);
  const instant = (text: string, key: string): string =>
    new Date(then.getTime() + (key === 'startedAt' ? -HOUR : daysOf(text, key, now) * DAY)).toISOString();
  return rewritten(found, (value, key) => {
    if (typeof value !== 'string') return value;
    if (INSTANT.test(value)) return instant(value, key);
    return DATE.test(value) && value <= today ? then.toISOString().slice(0, 10) : value;
  }) as T;
}

const PIDS: ReadonlySet<string> = new Set(['pid', 'ppid', 'mainPid']);
const FIRST_PID = 100;

const padded = (length: number) => (n: number) => n.toString(16).padStart(length, '0');

/** PIDs, hashes, ids and serial numbers in the order in which they are named. The PID of init says something. */
export function withSteadyIds<T>(found: T): T {
  const pid = numbered((n) => FIRST_PID + n);
  const uuid = numbered((n) => `00000000-0000-0000-0000-${padded(12)(n)}`);
  const serial = numbered((n) => padded(2)(n).toUpperCase());
  const kinds = [
    [HASH, numbered(padded(64))],
    [MACHINE_ID, numbered(padded(32))],
    [AGENT, numbered((n) => `agent_${n}`)],
    [SSH_HASH, numbered((n) => `SHA256:${padded(43)(n)}`)],
  ] as const;
  return rewritten(found, (value, key) => {
    if (typeof value === 'number') return PIDS.has(key) && value > 1 ? pid(value) : value;
    if (typeof value !== 'string') return value;
    if (key === 'basis') return value.replace(SHORT_HASH, '0'.repeat(16));
    if (key === 'serial') return serial(value);
    const kind = kinds.find(([pattern]) => pattern.test(value));
    return kind ? kind[1](value) : value.replaceAll(UUID, uuid);
  }) as T;
}

const NO_KERNEL = 'of-the-machine';
/** When and how a kernel was built, as `uname` says it between the release and the architecture. */
const BUILD = new RegExp(`(${NO_KERNEL}) #\\d+ .*(?= \\S+$)`);

/** A kernel that no package of the host brought is of the machine under it, which is another one the next time. */
export function withoutMachine<T>(found: T, release: string | undefined): T {
  if (release === undefined) return found;
  return rewritten(found, (value) =>
    typeof value === 'string' ? value.replaceAll(release, NO_KERNEL).replace(BUILD, '$1') : value,
  ) as T;
}
