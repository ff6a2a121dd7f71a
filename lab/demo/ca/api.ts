import 'reflect-metadata';
import { X509CrlReason, type X509Certificate } from '@peculiar/x509';
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import * as z from 'zod';
import { issue, readRequest, revocationList, type Issuer, type Revocation } from './issuer.ts';
import type { Claims } from './tokens.ts';

export interface AuthorityState {
  issuer: Issuer;
  /** serial in lower-case hex → certificate */
  issued: Map<string, X509Certificate>;
  revoked: Map<string, Revocation>;
  crlUrl: string;
  /** base URLs it is reached by: what tokens may be made out to */
  urls: string[];
  checkToken(token: string, audiences: string[]): Promise<Claims>;
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const SignRequest = z.object({ csr: z.string().max(16_384), ott: z.string().max(8192) });
const RevokeRequest = z.object({
  serial: z.string().regex(/^(0x[0-9a-fA-F]+|\d+|[0-9a-fA-F]{16,40})$/),
  ott: z.string().max(8192),
  reasonCode: z.number().int().min(0).max(10).default(0),
  reason: z.string().max(400).optional(),
  passive: z.literal(true),
});

type Handler = (state: AuthorityState, body: string, response: ServerResponse) => Promise<void>;

/** The paths of step-ca's HTTP API that a certificate client uses, with and without the version prefix. */
const ROUTES: Record<string, Handler> = {
  'GET /health': async (_state, _body, response) => json(response, 200, { status: 'ok' }),
  'GET /roots.pem': async (state, _body, response) =>
    send(response, 200, 'application/x-pem-file', `${state.issuer.certificate.toString('pem')}\n`),
  'GET /roots': async (state, _body, response) =>
    json(response, 201, { crts: [`${state.issuer.certificate.toString('pem')}\n`] }),
  'GET /crl': async (state, _body, response) =>
    send(response, 200, 'application/pkix-crl', await revocationList(state.issuer, [...state.revoked.values()])),
  // Not of step-ca: what was issued, for whoever wants to count.
  'GET /issued': async (state, _body, response) =>
    json(response, 200, { certificates: [...state.issued].map(summaryOf) }),
  'POST /sign': sign,
  'POST /revoke': revoke,
};

const spkiOf = (certificate: X509Certificate): string =>
  createHash('sha256').update(Buffer.from(certificate.publicKey.rawData)).digest('hex');

const summaryOf = ([serial, certificate]: [string, X509Certificate]): object => ({
  serial,
  subject: certificate.subject,
  spki: spkiOf(certificate),
});

const chainOf = (certificate: X509Certificate, { issuer }: AuthorityState): string[] =>
  [certificate, issuer.certificate].map((each) => `${each.toString('pem')}\n`);

export function authorityApi(state: AuthorityState): RequestListener {
  return (request, response) => {
    void answer(state, request, response).catch((error: Error) => {
      const status = error instanceof Refused ? error.status : error instanceof z.ZodError ? 400 : 500;
      json(response, status, { status, message: error.message });
    });
  };
}

async function answer(state: AuthorityState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://ca').pathname.replace(/^\/1\.0(?=\/)/, '');
  const key = /^\/issued\/([0-9a-f]{64})$/.exec(path)?.[1];
  if (request.method === 'GET' && key !== undefined) return issuedFor(state, key, response);
  const handler = ROUTES[`${request.method} ${path}`];
  if (!handler) throw new Refused(404, 'Not Found');
  await handler(state, await bodyOf(request), response);
}

/** Not of step-ca, either: the newest certificate for a key, for whoever asked for one and did not hear the answer. */
function issuedFor(state: AuthorityState, spki: string, response: ServerResponse): void {
  const found = [...state.issued].findLast(
    ([serial, certificate]) => spkiOf(certificate) === spki && !state.revoked.has(serial),
  );
  if (!found) throw new Refused(404, 'No certificate was issued for this key.');
  json(response, 200, { certChain: chainOf(found[1], state) });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > 65_536) throw new Refused(413, 'The request is too large.');
  }
  return text;
}

function parse<T extends z.ZodType>(schema: T, body: string): z.infer<T> {
  try {
    return schema.parse(JSON.parse(body));
  } catch (error) {
    throw new Refused(400, `The request could not be read: ${(error as Error).message}`);
  }
}

async function authorize(state: AuthorityState, token: string, path: string): Promise<Claims> {
  const audiences = state.urls.flatMap((url) => [`${url}/1.0${path}`, `${url}${path}`]);
  return state.checkToken(token, audiences).catch((error: Error) => {
    throw new Refused(401, `The request lacked necessary authorization to be completed: ${error.message}`);
  });
}

async function sign(state: AuthorityState, body: string, response: ServerResponse): Promise<void> {
  const { csr, ott } = parse(SignRequest, body);
  const claims = await authorize(state, ott, '/sign');
  const request = await readRequest(csr).catch((error: Error) => {
    throw new Refused(400, `The certificate request could not be used: ${error.message}.`);
  });
  const allowed = claims.sans?.length ? claims.sans : [claims.sub];
  const extra = request.names.filter((name) => !allowed.includes(name));
  if (extra.length) throw new Refused(403, `The token does not cover ${extra.join(', ')}.`);
  const certificate = await issue(state.issuer, request, state.crlUrl);
  state.issued.set(certificate.serialNumber.toLowerCase(), certificate);
  const [crt, ca] = chainOf(certificate, state);
  json(response, 201, { crt, ca, certChain: [crt, ca] });
}

async function revoke(state: AuthorityState, body: string, response: ServerResponse): Promise<void> {
  const { serial, ott, reasonCode } = parse(RevokeRequest, body);
  const claims = await authorize(state, ott, '/revoke');
  if (claims.sub !== serial) throw new Refused(403, 'The token is for another serial number.');
  const hex = serialInHex(serial);
  if (!state.issued.has(hex)) throw new Refused(404, `No certificate with serial number ${serial} was issued here.`);
  if (!state.revoked.has(hex)) {
    const reason = (reasonCode in X509CrlReason ? reasonCode : 0) as X509CrlReason;
    state.revoked.set(hex, { serial: hex, at: new Date(), reason });
  }
  json(response, 200, { status: 'ok' });
}

/** Serials come in decimal, as step-ca takes them, or as 0x… ; ours are long enough to tell bare hex apart. */
function serialInHex(serial: string): string {
  const bare = /^[0-9a-f]{32}$/i.test(serial);
  if (bare) return serial.toLowerCase();
  const hex = BigInt(serial).toString(16);
  return hex.padStart(hex.length + (hex.length % 2), '0');
}

function json(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'x-request-id': randomUUID() });
  response.end(body);
}
