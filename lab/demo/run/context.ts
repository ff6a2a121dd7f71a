import type { Estate } from '../estate.ts';
import type { Account } from './account.ts';
import type { Api } from './api.ts';
import type { DemoOptions } from './options.ts';
import type { DemoServer } from './server.ts';

export interface People {
  /** sets up and operates */
  operator: Api;
  /** asks for changes: an administrator, with an approver key of their own */
  author: Api;
  authorKeyFile: string;
  /** approves; never the author of a change */
  approver: Api;
  approverName: string;
  approverPassword: string;
  /** file with the approver's own Ed25519 key (PKCS#8) */
  keyFile: string;
  keyId: string;
}

/** What every part of the demo works with. */
export interface Demo {
  options: DemoOptions;
  account: Account;
  server: DemoServer;
  estate: Estate;
  admin: Api;
  people: People;
  /** where documents and the exported trail are left */
  out: string;
}
