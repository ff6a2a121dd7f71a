import { createHash, X509Certificate } from 'node:crypto';
import type { Actor } from '../../model/actor.ts';
import type { RenewReply, RenewRequest } from '../../model/agent.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { ScannerEnrollReply, ScannerEnrollRequest, ScannerToken } from '../../model/site.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { ScannerIdentity } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { authorityCertificate, newSerial, withAuthority } from './authority.ts';
import { hashOf, mintToken, mustBeGood, writeDown } from './enroll.ts';
import { type Issued, issueAgent, readRequest } from './logic/certificates.ts';
import { rangeOf } from './logic/binding.ts';
import { CERTIFICATE_DAYS, SAME_ANSWER_MS } from './renew.ts';
import {
  insertScanner,
  insertScannerCertificate,
  newestScannerCertificate,
  scannerByFingerprint,
  scannerById,
  scannerByKey,
  setScannerRevoked,
} from './store-scanners.ts';
import { lockToken, spendToken, tokenByHash } from './store-tokens.ts';

/** A token for one scanner of a site. What the scanner is told of this server's authority comes with it. */
export async function createScannerToken(
  platform: Platform,
  actor: Actor,
  input: { site: string; minutes: number; for?: string | undefined },
): Promise<ScannerToken> {
  const { site, minutes } = input;
  const network = input.for?.trim() ?? null;
  if (network !== null && !rangeOf(network)) throw new AppError('TOKEN_NETWORK_INVALID', { network });
  const ca = new X509Certificate(await authorityCertificate(platform));
  const entry = {
    type: 'enrollment.token.made',
    subject: { kind: 'token' as const, id: 'enrollment' },
    detail: { minutes, uses: 1, for: network, site },
  };
  const made = await platform.act(actor, entry, async (tx, draft) => {
    const minted = await mintToken(platform, tx, { hostId: null, minutes, network, site });
    draft.subject = { kind: 'token', id: minted.id };
    return minted;
  });
  const server = platform.config.agentAddress;
  const token = `${made.token}.${createHash('sha256').update(ca.raw).digest('hex')}`;
  const line = `lastember scanner --site ${site} --server https://${server} --token ${token}`;
  return { id: made.id, site, expiresAt: made.expiresAt, token, server, line };
}

/** A scanner shows a token of its site and a certificate request; a good token makes it one of that site's scanners. */
export async function enrollScanner(
  platform: Platform,
  discovery: Discovery,
  body: ScannerEnrollRequest,
  ip: string,
): Promise<ScannerEnrollReply> {
  // Anybody may call here: who has no token costs us one look into the table.
  const told = await tokenByHash(platform.db, hashOf(body.token));
  if (!told?.used) mustBeGood(told, platform.now(), ip, body.site);
  const request = await readRequest(body.csr);
  if (!request) throw new AppError('ENROLL_REQUEST_INVALID');
  const id = platform.newId('scnr');
  const actor: Actor = { kind: 'scanner', id, name: body.name, ip };
  const admit = async (tx: Tx): Promise<ScannerEnrollReply> => {
    const token = await lockToken(tx.db, hashOf(body.token));
    const known = await scannerByKey(tx.db, request.publicKey);
    const again = known?.state === 'active' && known.token_id === token?.id ? known : undefined;
    // Our reply was lost on the way: the same key may have the same certificate again.
    const before = again && (await newestScannerCertificate(tx.db, again.id));
    if (again && before) return { scannerId: again.id, site: again.site, certificate: before.certificate };
    mustBeGood(token, tx.now, ip, body.site);
    if (known) throw new AppError('SCANNER_KEY_KNOWN', { scanner: known.id });
    await spendToken(tx.db, token.id, request.publicKey, tx.now);
    const issued = await issue(platform, id, request.request);
    const { site } = body;
    await insertScanner(tx.db, {
      id,
      site,
      name: body.name,
      public_key: request.publicKey,
      state: 'active',
      token_id: token.id,
      enrolled_at: tx.now,
    });
    await insertScannerCertificate(tx.db, id, issued, { at: tx.now, days: CERTIFICATE_DAYS });
    await discovery.addScanner(tx, { id, site, name: body.name, version: body.version });
    await tx.record({
      type: 'enrollment.scanner.enrolled',
      subject: { kind: 'scanner', id, name: body.name },
      detail: {
        site,
        version: body.version,
        fingerprint: issued.fingerprint,
        publicKey: request.publicKey,
        token: token.id,
      },
    });
    await tx.publish('scans', { scannerId: id });
    return { scannerId: id, site, certificate: issued.certificate };
  };
  return platform.observe(actor, admit).catch(async (error: unknown) => {
    if (isAppError(error)) await writeDown(platform, actor, told.id, error);
    throw error;
  });
}

const issue = (platform: Platform, id: string, request: Parameters<typeof issueAgent>[1]): Promise<Issued> =>
  withAuthority(platform, (authority) =>
    issueAgent(authority, request, { id, serial: newSerial(), now: platform.now(), days: CERTIFICATE_DAYS }),
  );

/** A new certificate for the same scanner and the same key. */
export async function renewScanner(
  platform: Platform,
  { scannerId }: ScannerIdentity,
  body: RenewRequest,
): Promise<RenewReply> {
  const request = await readRequest(body.csr);
  const known = await scannerById(platform.db, scannerId);
  if (!request || request.publicKey !== known?.public_key) throw new AppError('RENEWAL_OTHER_KEY');
  const newest = await newestScannerCertificate(platform.db, scannerId);
  const now = platform.now();
  if (newest && newest.issued_at.getTime() > now.getTime() - SAME_ANSWER_MS) return { certificate: newest.certificate };
  const issued = await issue(platform, scannerId, request.request);
  const entry = {
    type: 'enrollment.scanner.renewed',
    subject: { kind: 'scanner' as const, id: scannerId, name: known.name },
    detail: { site: known.site, fingerprint: issued.fingerprint, days: CERTIFICATE_DAYS },
  };
  await platform.act({ kind: 'scanner', id: scannerId, name: known.name }, entry, (tx) =>
    insertScannerCertificate(tx.db, scannerId, issued, { at: now, days: CERTIFICATE_DAYS }),
  );
  return { certificate: issued.certificate };
}

/** From the next request on the listener refuses it; what it was at goes to others. */
export async function revokeScanner(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  { id, reason }: { id: string; reason: string },
): Promise<void> {
  const known = await scannerById(platform.db, id);
  if (!known) throw new AppError('NOT_FOUND', { what: 'scanner', id, list: 'scanners list' });
  await platform.observe(actor, async (tx) => {
    if (!(await setScannerRevoked(tx.db, id))) return;
    await discovery.endScanner(tx, id);
    await tx.record({
      type: 'enrollment.scanner.revoked',
      subject: { kind: 'scanner', id, name: known.name },
      reason,
      detail: { site: known.site, reason },
    });
    await tx.publish('scans', { scannerId: id });
  });
}

export async function authenticateScanner(platform: Platform, fingerprint: string): Promise<ScannerIdentity | null> {
  const scanner = await scannerByFingerprint(platform.db, fingerprint);
  return scanner?.state === 'active' ? { scannerId: scanner.id, site: scanner.site } : null;
}
