import type { HostSpec } from './spec.ts';
import { tlsSite } from './sites.ts';

/** Passwords are written here because nothing outside the lab's own namespaces can reach who has them. */
export const HOSTS: readonly HostSpec[] = [
  {
    name: 'web1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 11 }],
    about: 'public web site: nginx with TLS',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    ...tlsSite('web1'),
  },
  {
    name: 'web2',
    release: 'trixie',
    legs: [{ segment: 0, number: 12 }],
    about: 'the newer web site: nginx with TLS',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    ...tlsSite('web2'),
  },
  {
    name: 'old1',
    release: 'bullseye',
    legs: [{ segment: 0, number: 13 }],
    about: 'nobody upgraded it; root logs in with a password',
    root: { key: true, password: 'old1-root' },
    services: ['ssh', 'cron'],
  },
  {
    name: 'sudo1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 14 }],
    about: 'root cannot log in: an operator can, and sudo asks for the password',
    root: { key: false },
    accounts: [{ name: 'ops', password: 'sudo1-ops', key: true, sudo: 'password' }],
    services: ['ssh', 'cron'],
  },
];
