import { X509Certificate, createHash } from 'node:crypto';
import * as z from 'zod';
import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Endpoint } from '../../model/estate.ts';
import { type CertificateInfo, type ProbeResult, tlsOf } from '../../model/probe.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Platform } from '../../platform/context.ts';
import {
  AuthorityRefusal,
  type AuthorityAccess,
  type AuthorityKind,
  type AuthorityKinds,
} from './authorities/contract.ts';
import { urlProblem } from '../../platform/http/outgoing.ts';
import { AUTHORITY_KIND_NAMES, type AuthorityKindName } from './authorities/registry.ts';
import { readKey } from './authorities/step-ca.ts';
import type { AuthorityName } from './logic/planner.ts';
import { allChanges, planByDigest } from './store.ts';
import {
  authorityRows,
  deleteAuthority,
  insertAuthority,
  type AuthorityRow,
  type Issuer,
} from './store-authorities.ts';

export const AuthorityInput = z
  .object({
    name: z.string().regex(/^[\w.-]{1,60}$/),
    kind: z.enum(AUTHORITY_KIND_NAMES as [AuthorityKindName, ...AuthorityKindName[]]).default('step-ca'),
    url: z.string().min(1).max(500),
    provisioner: z.string().min(1).max(200),
    /** the provisioner's private key, PEM or JWK; goes into the vault */
    key: z.string().min(1).max(16_384),
    /** PEM that its HTTPS certificate must lead to */
    root: z.string().max(65_536).optional(),
  })
  .strict();
export type AuthorityInput = z.infer<typeof AuthorityInput>;

/** Checks that it answers and can be told what it issues, before anything is stored. */
export async function addAuthority(
  platform: Platform,
  kinds: AuthorityKinds,
  actor: Actor,
  input: AuthorityInput,
): Promise<AuthorityRow> {
  const problem = urlProblem(input.url);
  if (problem) throw new AppError('AUTHORITY_INVALID', { why: problem });
  await readKey(input.key).catch((error: Error) => {
    throw new AppError('AUTHORITY_INVALID', { why: `its key cannot be read: ${error.message}` }, { cause: error });
  });
  const issuers = await learnIssuers(kinds, input);
  const row: AuthorityRow = {
    id: platform.newId('authority'),
    name: input.name,
    kind: input.kind,
    url: input.url.replace(/\/+$/, ''),
    provisioner: input.provisioner,
    root: input.root ?? null,
    issuers,
    secretId: '',
    createdAt: platform.now(),
    createdBy: actor.name,
  };
  const entry = {
    type: 'change.authority.added',
    subject: { kind: 'authority' as const, id: row.id, name: row.name },
    detail: {
      name: row.name,
      kind: row.kind,
      url: row.url,
      provisioner: row.provisioner,
      issuers: issuers.map(({ spki, subject }) => ({ spki, subject })),
    },
  };
  await platform.act(actor, entry, async (tx) => {
    row.secretId = await platform.vault.put(tx, input.key);
    if (!(await insertAuthority(tx.db, row))) {
      throw new AppError('CONFLICT', { why: `There is an authority ${row.name} already` });
    }
  });
  return row;
}

async function learnIssuers(kinds: AuthorityKinds, input: AuthorityInput): Promise<Issuer[]> {
  const access = { ...input, root: input.root ?? null };
  try {
    const pems = await kinds[input.kind]!.issuers(access);
    if (pems.length === 0) throw new Error('it names no certificate of its own');
    return pems.map(describeIssuer);
  } catch (error) {
    const why = `asking ${input.url} for its certificates did not work: ${(error as Error).message}`;
    throw new AppError('AUTHORITY_INVALID', { why }, { cause: error });
  }
}

function describeIssuer(pem: string): Issuer {
  const certificate = new X509Certificate(pem);
  const spki = createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  return { spki, subject: (certificate.subject ?? '').split('\n').join(', '), pem };
}

export async function removeAuthority(platform: Platform, actor: Actor, name: string): Promise<void> {
  const row = (await authorityRows(platform.db)).find((one) => one.name === name);
  if (!row) throw new AppError('NOT_FOUND', { what: 'authority', id: name, list: 'authority list' });
  const user = await userOf(platform, name);
  if (user) throw new AppError('AUTHORITY_IN_USE', { name, change: user });
  const subject = { kind: 'authority' as const, id: row.id, name };
  await platform.act(actor, { type: 'change.authority.removed', subject, detail: { name } }, async (tx) => {
    const secretId = await deleteAuthority(tx.db, name);
    if (secretId) await platform.vault.remove(tx, secretId);
  });
}

/** A change that is to come or under way and names it: it would fail half-way, with keys already made. */
async function userOf(platform: Platform, name: string): Promise<string | null> {
  for (const change of await allChanges(platform.db, [
    'awaiting-approval',
    'scheduled',
    'running',
    'paused',
    'verifying',
  ])) {
    const plan = change.planDigest === null ? null : await planByDigest(platform.db, change.planDigest);
    if (plan?.text.includes(`"authority":${JSON.stringify(name)}`)) return change.id;
  }
  return null;
}

/** Lends the authority with its key to one call. */
export async function withAuthority<T>(
  deps: { platform: Platform; authorities: AuthorityKinds },
  name: string,
  doing: string,
  call: (kind: AuthorityKind, access: AuthorityAccess) => Promise<T>,
): Promise<T> {
  const row = (await authorityRows(deps.platform.db)).find((one) => one.name === name);
  const kind = row && deps.authorities[row.kind];
  if (!row || !kind) throw new AppError('AUTHORITY_UNREACHABLE', { name, doing, why: 'it is not configured any more' });
  try {
    return await deps.platform.vault.use(row.secretId, (key) =>
      call(kind, { name: row.name, url: row.url, provisioner: row.provisioner, key, root: row.root }),
    );
  } catch (error) {
    const code = error instanceof AuthorityRefusal ? 'AUTHORITY_REFUSED' : 'AUTHORITY_UNREACHABLE';
    throw new AppError(code, { name, doing, why: (error as Error).message }, { cause: error });
  }
}

/** Which configured authority issued this certificate? Its signature says so, not its name. */
export function authorityOf(rows: readonly AuthorityRow[], pem: string): AuthorityName | null {
  const certificate = new X509Certificate(pem);
  for (const row of rows) {
    const issuer = row.issuers.find((one) => signedBy(certificate, one.pem));
    if (issuer) return { name: row.name, issuerSpki: issuer.spki };
  }
  return null;
}

/** Of a certificate as it was seen served: its own bytes say who signed it. */
export async function issuerOf(
  discovery: Discovery,
  endpoint: Endpoint,
  { fingerprint }: { fingerprint: string },
  rows: readonly AuthorityRow[],
): Promise<AuthorityName | null> {
  const leafIn = (probe: ProbeResult | null): CertificateInfo[] =>
    (tlsOf(probe)?.chain ?? []).slice(0, 1).filter((leaf) => leaf.fingerprint === fingerprint);
  const [served] = leafIn(endpoint.probe);
  const leaf = served ?? (await discovery.endpointHistory(endpoint.id)).flatMap((one) => leafIn(one.probe))[0];
  return leaf ? authorityOf(rows, leaf.pem) : null;
}

function signedBy(certificate: X509Certificate, issuerPem: string): boolean {
  const issuer = new X509Certificate(issuerPem);
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
