import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { type Client, clientOf, refusalCode } from '../agent/client.ts';
import type { Log } from '../agent/log.ts';
import { renewalDue } from '../agent/renew.ts';
import { localHost } from '../host/local.ts';
import { certificateRequest } from '../host/pki/request.ts';
import { RenewReply } from '../model/agent.ts';
import { AppError } from '../model/errors/index.ts';
import { LeaseReply } from '../model/site.ts';
import { newSharedSubnets } from '../scan/logic/subnets.ts';
import { chooseConnector, type WantedPath } from '../scan/scanner/native/choose.ts';
import { enroll } from './enroll.ts';
import { limitsOf } from './limits.ts';
import { type Identity, openState, type State } from './state.ts';
import { work } from './work.ts';

export interface ScannerOptions {
  site: string;
  /** https://host:port of the agents' listener */
  server: string;
  /** needed the first time only */
  token: string | null;
  name: string;
  version: string;
  dataDir: string;
  path: WantedPath;
  only: readonly string[];
  never: readonly string[];
  log: Log;
  signal: AbortSignal;
}

const AGAIN_MS = 2000;
/** The server refused us, and asking again will be answered the same. */
const FOR_GOOD = new Set(['SCANNER_REVOKED', 'AGENT_UNAUTHENTICATED', 'NOT_FOUND']);

/** Works for a site until it is told to end: by a signal, or by a server that refuses it. */
export async function runScanner(options: ScannerOptions): Promise<void> {
  const { log, signal, site, server } = options;
  const limits = limitsOf(options);
  const state = openState(localHost(), options.dataDir);
  const identity = await identityOf(state, options);
  const chosen = await chooseConnector(options.path);
  log.info('Scanner started', { scannerId: identity.scannerId, site, server, path: chosen.path, why: chosen.why });
  const key = await state.key();
  const scanner = { state, identity, client: clientOf(identity, key, identity), log };
  const shared = newSharedSubnets();
  const kept = { scanId: null, bucket: null };
  try {
    while (!signal.aborted) {
      const askedAt = performance.now();
      const body = { version: options.version, path: chosen.path };
      const reply = await asked(
        scanner,
        () => scanner.client.call('POST', '/scanner/lease', LeaseReply, { body, signal }),
        signal,
      );
      if (!reply?.portion) {
        await sleep((reply?.pollSeconds ?? 0) * 1000 || AGAIN_MS, undefined, { signal }).catch(() => undefined);
        continue;
      }
      const { portion } = reply;
      const { client } = scanner;
      const why = await work({ client, limits, connector: chosen.connector, shared, kept, signal }, portion, askedAt);
      log.info('Portion ended', { scan: portion.scanId, window: portion.window, why });
    }
  } finally {
    scanner.client.close();
    await chosen.connector?.close();
  }
}

async function identityOf(state: State, options: ScannerOptions): Promise<Identity> {
  const { site, server, token, name, version } = options;
  const known = await state.identity();
  if (known && known.site === site && known.server === server) return known;
  if (token === null) throw new AppError('SCANNER_NOT_ENROLLED', { site, server });
  return enroll(state, { site, server, token, name, version });
}

interface Running {
  state: State;
  identity: Identity;
  client: Client;
  log: Log;
}

/** Null: the server could not be asked just now. */
async function asked<T>(scanner: Running, ask: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    if (renewalDue(scanner.identity.certificate) <= new Date()) await renew(scanner);
    return await ask();
  } catch (error) {
    if (signal.aborted) return null;
    if (FOR_GOOD.has(refusalCode(error) ?? '')) throw error;
    scanner.log.warn('The server could not be asked', { why: (error as Error).message });
    return null;
  }
}

/** The same key gets a certificate with a later end. */
async function renew(scanner: Running): Promise<void> {
  const key = await scanner.state.key();
  const body = { csr: certificateRequest(key, scanner.identity.scannerId) };
  const { certificate } = await scanner.client.call('POST', '/scanner/renew', RenewReply, { body });
  const next = new X509Certificate(certificate);
  const isOurs = next.publicKey.equals(createPublicKey(key));
  if (!isOurs) throw new Error('the server answered with a certificate that is not ours');
  scanner.identity = { ...scanner.identity, certificate };
  await scanner.state.save(scanner.identity);
  scanner.client.close();
  scanner.client = clientOf(scanner.identity, key, scanner.identity);
  scanner.log.info('Certificate renewed');
}
