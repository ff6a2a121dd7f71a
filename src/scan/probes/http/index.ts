import { createHash } from 'node:crypto';
import { isAppError } from '../../../model/errors/index.ts';
import type { Access, ServiceProbe } from '../../../model/probe.ts';
import type { Probe, ProbeTarget } from '../contract.ts';
import { serviceResult, stopped } from '../service-result.ts';
import { fetchAnswer } from './fetch.ts';
import { HTTP_SIGNATURES } from './signatures.ts';
import { type HttpAnswer, httpGet, isHttp, isPage, parseAnswer } from './wire.ts';

const MOST_REDIRECTS = 3;
/** Signatures and titles are at the beginning. */
const LOOKED_THROUGH = 32 * 1024;

/** What protects visitors of a page, by the names that people use for them. */
const SECURITY_HEADERS = {
  'content-security-policy': 'CSP',
  'strict-transport-security': 'HSTS',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'frame options',
  'referrer-policy': 'referrer policy',
  'permissions-policy': 'permissions policy',
} as const;

/** HTTP as anybody sees it: the page at the root, where it leads on the same port, and what it says of its server. */
export const httpProbe: Probe = {
  protocol: 'http',
  ports: [80, 81, 591, 3000, 5000, 5601, 5985, 8000, 8008, 8080, 8081, 8086, 8088, 8888, 9000, 9090, 9091],
  asks: { opening: httpGet, knows: isHttp },
  recognises: isHttp,
  probe: probeHttp,
};

async function probeHttp(target: ProbeTarget): Promise<ServiceProbe> {
  const heard = target.heard.answers.get('http');
  const known = heard && parseAnswer(heard.bytes, heard.ended);
  const first = known?.whole ? known : await fetchAnswer(target, 'http', '/');
  if (!first) throw stopped(target, 'http', 'the answer was not HTTP');
  const { page, path, away } = await follow(target, first);
  const text = page.body.subarray(0, LOOKED_THROUGH).toString('utf8');
  const title = titleOf(text);
  const favicon = isPage(headOf(page)) ? await faviconOf(target) : null;
  return serviceResult('http', {
    ...productOf(page, text, title ?? ''),
    access: accessOf(first, page),
    what: `GET ${path} was answered with status ${page.status}${away ? ', and leads elsewhere' : ''}`,
    details: { ...detailsOf(page), title, redirect: away ?? (path === '/' ? null : path), favicon },
  });
}

export const titleOf = (text: string): string | undefined => /<title[^>]{0,200}>([^<]{0,500})/i.exec(text)?.[1]?.trim();

/** A page that is not there or broken is told to everybody all the same. */
function accessOf(first: HttpAnswer, page: HttpAnswer): Access {
  const refuses = [401, 403, 407];
  return refuses.includes(first.status) || refuses.includes(page.status) ? 'refused' : 'open';
}

const detailsOf = (page: HttpAnswer) => ({
  status: page.status,
  server: page.headers.get('server'),
  poweredBy: page.headers.get('x-powered-by'),
  signIn: page.headers.get('www-authenticate'),
  protects: protections(page),
});

const headOf = ({ headers }: HttpAnswer): Buffer => Buffer.from(`content-type: ${headers.get('content-type') ?? ''}`);

function protections({ headers }: HttpAnswer): string {
  return Object.entries(SECURITY_HEADERS)
    .flatMap(([name, word]) => (headers.has(name) ? [word] : []))
    .join(', ');
}

export function productOf(
  { headers }: Pick<HttpAnswer, 'headers'>,
  text: string,
  title: string,
): { product: string; version?: string | undefined } | null {
  for (const { product, header, title: ofTitle, body } of HTTP_SIGNATURES) {
    const matches = [
      ...(header ? [header[1].exec(headers.get(header[0]) ?? '')] : []),
      ...(ofTitle ? [ofTitle.exec(title)] : []),
      ...(body ? [body.exec(text)] : []),
    ];
    if (matches.every((match) => match !== null)) {
      return { product, version: matches.map((match) => match[1]).find((version) => version !== undefined) };
    }
  }
  const server = /^([^\s/(]+)(?:\/([\w.-]+))?/.exec(headers.get('server') ?? '');
  return server ? { product: server[1]!, version: server[2] } : null;
}

interface Followed {
  page: HttpAnswer;
  path: string;
  /** where it leads that we do not follow */
  away: string | null;
}

async function follow(target: ProbeTarget, first: HttpAnswer): Promise<Followed> {
  let [page, path] = [first, '/'];
  for (let hops = 0; page.status >= 300 && page.status < 400; hops++) {
    const location = page.headers.get('location');
    if (!location) break;
    const next = hops < MOST_REDIRECTS ? pathWithin(target, path, location) : null;
    const there = next === null ? null : await fetchAnswer(target, 'http', next).catch(unlessOurs);
    if (!there) return { page, path, away: location };
    [page, path] = [there, next!];
  }
  return { page, path, away: null };
}

/** The path that a redirect leads to, if it is on the same host, port and scheme. */
export function pathWithin(target: Pick<ProbeTarget, 'address' | 'port' | 'secure'>, from: string, to: string) {
  const host = target.address.includes(':') ? `[${target.address}]` : target.address;
  const base = `${target.secure ? 'https' : 'http'}://${host}:${target.port}`;
  try {
    const [here, there] = [new URL(base), new URL(to, base + from)];
    const path = there.pathname + there.search;
    return here.origin === there.origin && path.length <= 500 ? path : null;
  } catch {
    return null;
  }
}

async function faviconOf(target: ProbeTarget): Promise<string | null> {
  const answer = await fetchAnswer(target, 'http', '/favicon.ico').catch(unlessOurs);
  if (answer?.status !== 200 || answer.body.length === 0 || !answer.whole || isPage(headOf(answer))) return null;
  return createHash('sha256').update(answer.body).digest('hex');
}

function unlessOurs(error: unknown): null {
  if (isAppError(error)) return null;
  throw error;
}
