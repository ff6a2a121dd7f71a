import { createHash, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { createClient } from '../agent/client.ts';
import { ask, whyNot } from '../agent/https.ts';
import { certificateRequest } from '../host/pki/request.ts';
import { AppError } from '../model/errors/index.ts';
import { ScannerEnrollReply } from '../model/site.ts';
import type { Identity, State } from './state.ts';

export interface Enrolling {
  /** https://host:port of the agents' listener */
  server: string;
  site: string;
  token: string;
  name: string;
  version: string;
}

const TOKEN = /^(lee_[\w-]{20,100})\.([0-9a-f]{64})$/;
const AuthorityReply = z.object({ certificate: z.string().max(8192) });

/** Shows the token and gets a certificate for the key that was made here. */
export async function enroll(state: State, { server, site, token, name, version }: Enrolling): Promise<Identity> {
  const [, secret, digest] = TOKEN.exec(token.trim()) ?? [];
  if (secret === undefined || digest === undefined) throw new AppError('SCANNER_TOKEN_FORM', { site });
  const ca = await authorityOf(server, digest);
  const client = createClient({ server, ca });
  try {
    const csr = certificateRequest(await state.key(), name);
    const body = { token: secret, csr, site, name, version };
    const reply = await client.call('POST', '/scanner/enroll', ScannerEnrollReply, { body });
    const identity = { ...reply, server, ca };
    await state.save(identity);
    return identity;
  } finally {
    client.close();
  }
}

/** Whoever answers may say what it likes: the authority is the one whose digest came with the token, or none. */
async function authorityOf(server: string, digest: string): Promise<string> {
  const where = {
    method: 'GET',
    path: '/agent/v1/authority',
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2' as const,
  };
  const { text } = await ask(server, where, {}).catch((cause: Error) => {
    throw new AppError('AGENT_SERVER_UNREACHABLE', { server, why: whyNot(cause, new Date()) }, { cause });
  });
  try {
    const { certificate } = AuthorityReply.parse(JSON.parse(text));
    if (createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex') === digest) return certificate;
  } catch {
    // It is no such server.
  }
  throw new AppError('SCANNER_SERVER_UNPROVEN', { server });
}
