import type { ProbeTarget } from '../contract.ts';

/** An answer as far as it came. Header names in lower case; of repeated ones, all in one, one a line. */
export interface HttpAnswer {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
  /** all of it came */
  whole: boolean;
}

const MOST_HEADERS = 100;

/** A request that asks for the connection's end after the answer; nothing in it tells who we are but the name. */
export const httpGet = (at: Pick<ProbeTarget, 'address' | 'port'>, path = '/'): Buffer => request(at, `GET ${path}`);

/** For APIs that read by POST. */
export function httpPost(at: Pick<ProbeTarget, 'address' | 'port'>, path: string, json: string): Buffer {
  const about = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(json)}`];
  return Buffer.concat([request(at, `POST ${path}`, about), Buffer.from(json)]);
}

function request({ address, port }: Pick<ProbeTarget, 'address' | 'port'>, what: string, about: string[] = []): Buffer {
  const host = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  const lines = [`${what} HTTP/1.1`, `Host: ${host}`, 'User-Agent: lastember', 'Accept: */*', ...about];
  return Buffer.from(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Null: this is no HTTP answer, or its head is not there yet. */
export function parseAnswer(bytes: Buffer, ended = false): HttpAnswer | null {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(bytes.subarray(0, 16).toString('latin1'));
  const end = endOfHead(bytes);
  if (!status || !end) return null;
  const headers = new Map<string, string>();
  for (const line of bytes.subarray(0, end.at).toString('latin1').split(/\r?\n/).slice(1, MOST_HEADERS)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}\n${value}` : value);
  }
  return { status: Number(status[1]), headers, ...bodyOf(bytes.subarray(end.at + end.length), headers, ended) };
}

function endOfHead(bytes: Buffer): { at: number; length: number } | null {
  const [strict, loose] = [bytes.indexOf('\r\n\r\n'), bytes.indexOf('\n\n')];
  if (strict >= 0 && (loose < 0 || strict < loose)) return { at: strict, length: 4 };
  return loose >= 0 ? { at: loose, length: 2 } : null;
}

function bodyOf(
  rest: Buffer,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): Pick<HttpAnswer, 'body' | 'whole'> {
  if (/chunked/i.test(headers.get('transfer-encoding') ?? '')) return unchunked(rest, ended);
  const length = /^\d{1,10}$/.exec(headers.get('content-length') ?? '')?.[0];
  if (length === undefined) return { body: rest, whole: ended };
  return { body: rest.subarray(0, Number(length)), whole: ended || rest.length >= Number(length) };
}

function unchunked(rest: Buffer, ended: boolean): Pick<HttpAnswer, 'body' | 'whole'> {
  const parts: Buffer[] = [];
  for (let at = 0; at < rest.length;) {
    const end = rest.indexOf('\r\n', at);
    const size = end < 0 ? null : /^[0-9a-f]{1,6}/i.exec(rest.subarray(at, Math.min(end, at + 20)).toString('latin1'));
    if (!size) break;
    const length = Number.parseInt(size[0], 16);
    if (length === 0) return { body: Buffer.concat(parts), whole: true };
    parts.push(rest.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return { body: Buffer.concat(parts), whole: ended };
}

const TO_TLS = /(HTTP request (was )?sent to (an )?HTTPS|plain HTTP to an SSL|HTTP request to an HTTPS)/i;

/** HTTP, and not what a server of HTTPS says to whoever comes without TLS. */
export function isHttp(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return /^HTTP\/1\.[01] \d{3}/.test(text) && !TO_TLS.test(text);
}

/** A page for people. */
export function isPage(bytes: Buffer): boolean {
  return /^content-type:\s*(text\/html|application\/xhtml)/im.test(bytes.toString('latin1'));
}

/** The body as a JSON object; empty where it is none. */
export function jsonOf(answer: HttpAnswer | null): Record<string, unknown> {
  try {
    const value = JSON.parse(answer?.body.toString('utf8') ?? '') as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A text field of such an object; undefined where it is not there or none. */
export function textOf(object: unknown, ...path: string[]): string | undefined {
  let at = object;
  for (const key of path) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return typeof at === 'string' || typeof at === 'number' ? String(at) : undefined;
}
