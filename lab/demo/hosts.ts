import type { HostSpec } from './host/spec.ts';

const MODERN = { login: 'key', modernNode: true } as const;

/** Addresses that are not on the list of known hosts are what discovery has to find by itself. */
export const HOSTS: readonly HostSpec[] = [
  {
    ...MODERN,
    name: 'shop',
    place: '14.10',
    known: true,
    image: 'web-2014.03',
    runtime: '0.10.0',
    services: [
      {
        name: 'shop',
        description: 'Web shop, public front',
        port: 8443,
        certificate: 'shop',
        upstreams: [{ host: 'shop-app', port: 8080, connections: 3 }],
      },
    ],
    weaknesses: ['root-login', 'no-syncookies'],
  },
  {
    ...MODERN,
    name: 'pay',
    place: '14.11',
    known: true,
    image: 'web-2014.03',
    runtime: '0.10.0',
    services: [
      {
        name: 'pay',
        description: 'Payment gateway',
        port: 8443,
        certificate: 'pay',
        upstreams: [{ host: 'shop-db', port: 5433, connections: 2 }],
      },
    ],
    weaknesses: ['key-readable'],
  },
  {
    ...MODERN,
    name: 'partner-api',
    place: '14.12',
    known: false,
    image: 'api-2014.02',
    runtime: '0.10.1',
    services: [{ name: 'partner-api', description: 'API for partners', port: 9443, certificate: 'partner-api' }],
    weaknesses: ['root-login', 'x11-forwarding'],
  },
  {
    ...MODERN,
    name: 'wiki',
    place: '14.13',
    known: true,
    image: 'web-2014.04',
    // In the affected range by its number, but built without heartbeats: only looking at it tells.
    runtime: '0.10.2',
    services: [{ name: 'wiki', description: 'Internal wiki', port: 8443, certificate: 'wiki' }],
    weaknesses: ['redirects'],
  },
  {
    ...MODERN,
    name: 'mail-archive',
    place: '14.14',
    known: true,
    image: 'web-2016.11',
    // Fixed long ago, but its certificate is for the key that `pay` leaks.
    runtime: '0.10.48',
    services: [{ name: 'mail-archive', description: 'Mail archive', port: 8443, certificate: 'mail-archive' }],
    weaknesses: [],
  },
  {
    name: 'tickets',
    place: '14.15',
    known: true,
    image: 'web-2014.03',
    login: 'password',
    modernNode: true,
    // Somebody upgraded the package and went home: the old program still runs.
    runtime: '0.10.1',
    staged: '0.10.48',
    services: [{ name: 'tickets', description: 'Ticket system', port: 8443, certificate: 'tickets' }],
    weaknesses: ['cron-writable', 'source-route'],
  },
  {
    ...MODERN,
    name: 'shop-app',
    place: '14.16',
    known: true,
    image: 'app-2016.11',
    runtime: '0.10.48',
    services: [
      {
        name: 'shop-app',
        description: 'Web shop, application',
        port: 8080,
        upstreams: [{ host: 'shop-db', port: 5433, connections: 4 }],
      },
    ],
    weaknesses: ['root-login', 'no-aslr'],
  },
  {
    ...MODERN,
    name: 'shop-db',
    place: '14.17',
    known: true,
    image: 'db-2016.11',
    runtime: '0.10.48',
    services: [{ name: 'shop-db', description: 'Web shop, database', port: 5433 }],
    weaknesses: ['no-aslr', 'shadow-readable'],
  },
  {
    name: 'legacy',
    place: '14.18',
    known: false,
    image: 'web-2014.02',
    // Nobody has a key or password for it any more.
    login: 'none',
    modernNode: false,
    runtime: '0.10.0',
    services: [{ name: 'legacy', description: 'Old intranet portal', port: 8443, certificate: 'legacy' }],
    weaknesses: ['root-login', 'password-login'],
  },
  {
    name: 'build',
    place: '14.19',
    known: false,
    image: 'app-2016.11',
    login: 'password',
    modernNode: true,
    runtime: '0.10.48',
    services: [{ name: 'build', description: 'Build server', port: 8081 }],
    weaknesses: ['root-login', 'empty-passwords', 'x11-forwarding', 'no-aslr', 'no-syncookies', 'cron-writable'],
  },
  {
    ...MODERN,
    name: 'files',
    place: '14.20',
    known: true,
    image: 'app-2016.11',
    runtime: '0.10.48',
    services: [{ name: 'files', description: 'File store', port: 8082 }],
    weaknesses: ['redirects', 'source-route'],
  },
  {
    ...MODERN,
    name: 'reports',
    place: '14.21',
    known: false,
    image: 'app-2016.11',
    runtime: '0.10.48',
    services: [
      {
        name: 'reports',
        description: 'Sales reports, set up by marketing',
        port: 8083,
        upstreams: [
          { host: 'shop-db', port: 5433, connections: 1 },
          { host: 'files', port: 8082, connections: 1 },
        ],
      },
    ],
    weaknesses: ['root-login', 'password-login'],
  },
  {
    ...MODERN,
    name: 'monitor',
    place: '14.22',
    known: true,
    image: 'app-2016.11',
    runtime: '0.10.48',
    services: [
      {
        name: 'monitor',
        description: 'Monitoring',
        port: 8084,
        upstreams: [
          { host: 'metrics', port: 8090, connections: 1 },
          { host: 'shop-app', port: 8080, connections: 1 },
        ],
      },
    ],
    weaknesses: [],
  },
  {
    ...MODERN,
    // Outside the scanned range: only `monitor`'s connections lead to it.
    name: 'metrics',
    place: '15.20',
    known: false,
    image: 'api-2014.02',
    runtime: '0.10.1',
    services: [
      { name: 'metrics', description: 'Metrics store', port: 8090 },
      { name: 'metrics-web', description: 'Metrics store, web pages', port: 8443, certificate: 'metrics' },
    ],
    weaknesses: ['root-login'],
  },
];

/** Certificates that are issued when the estate is made: name → whose key it holds when not its own. */
export const CERTIFICATES: Readonly<Record<string, { keyOf?: string }>> = {
  shop: {},
  pay: {},
  'partner-api': {},
  wiki: {},
  'mail-archive': { keyOf: 'pay' },
  tickets: {},
  legacy: {},
  metrics: {},
};
