import canonicalize from 'canonicalize';
import type { Approval, ApprovalStatement } from '../../model/plan.ts';

/**
 * An approver's key in this browser. It is imported once from the PKCS#8 file that `lastember key new` made, kept in
 * IndexedDB as a non-extractable key, and never sent anywhere: what leaves the browser is the signature.
 */
export interface BrowserKey {
  keyId: string;
  key: CryptoKey;
}

const DB = 'lastember';
const STORE = 'approver-keys';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DB, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'keyId' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  return new Promise((resolve, reject) => {
    const request = use(db.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export const storedKeys = (): Promise<BrowserKey[]> =>
  inStore('readonly', (store) => store.getAll() as IDBRequest<BrowserKey[]>);
export const forgetKey = (keyId: string): Promise<undefined> => inStore('readwrite', (store) => store.delete(keyId));

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Reads an Ed25519 PKCS#8 PEM and keeps it, non-extractable. `keyId` is the first 16 hex digits of SHA-256(raw public key). */
export async function importKey(pem: string): Promise<BrowserKey> {
  const body = /-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----/.exec(pem)?.[1];
  if (!body) throw new Error('This is not a PKCS#8 private key file. Choose the file that `lastember key new` wrote.');
  const der = fromBase64(body.replace(/\s+/g, ''));
  const readable = await crypto.subtle.importKey('pkcs8', der, { name: 'Ed25519' }, true, ['sign']);
  const { x } = await crypto.subtle.exportKey('jwk', readable);
  const raw = fromBase64(x!.replace(/-/g, '+').replace(/_/g, '/'));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', raw));
  const keyId = Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const key = await crypto.subtle.importKey('pkcs8', der, { name: 'Ed25519' }, false, ['sign']);
  const stored = { keyId, key };
  await inStore('readwrite', (store) => store.put(stored));
  return stored;
}

/** Signs the canonical bytes (RFC 8785) of the approval statement for this plan digest. */
export async function signApproval(browserKey: BrowserKey, changeId: string, plan: string): Promise<Approval> {
  const statement: ApprovalStatement = {
    type: 'lastember/approval/v1',
    changeId,
    plan,
    keyId: browserKey.keyId,
    approvedAt: new Date().toISOString(),
  };
  const bytes = new TextEncoder().encode(canonicalize(statement));
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', browserKey.key, bytes));
  return { statement, signature: btoa(String.fromCharCode(...signature)) };
}
