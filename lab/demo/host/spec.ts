import type { OldVersion } from '../runtimes.ts';

/** One application of a demo host: a unit that runs guest/services/server.js. */
export interface ServiceSpec {
  name: string;
  description: string;
  port: number;
  /** serves HTTPS with the certificate of this name; without it, the plain line protocol */
  certificate?: string;
  /** hosts it holds connections to */
  upstreams?: { host: string; port: number; connections: number }[];
}

/** Deliberate weaknesses that a configuration baseline finds. */
export type Weakness =
  | 'root-login'
  | 'password-login'
  | 'empty-passwords'
  | 'x11-forwarding'
  | 'no-aslr'
  | 'no-syncookies'
  | 'redirects'
  | 'source-route'
  | 'cron-writable'
  | 'shadow-readable'
  | 'key-readable';

export interface HostSpec {
  name: string;
  /** last two numbers of its address: 127.<net>.<place> */
  place: `${number}.${number}`;
  /** stands on the list that is imported into the product */
  known: boolean;
  /** the image it was built from, as /etc/image-id says */
  image: string;
  login: 'key' | 'password' | 'none';
  /** a Node that is new enough for the agent lies at /usr/bin/node */
  modernNode: boolean;
  /** version of the package `nodejs` that the services run on */
  runtime: OldVersion;
  /** this version was installed while the services kept running on `runtime` */
  staged?: OldVersion;
  services: ServiceSpec[];
  weaknesses: Weakness[];
  /** further packages, name → version */
  packages?: Record<string, string>;
}
