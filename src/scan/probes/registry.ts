import type { Probe } from './contract.ts';
import { httpProbe } from './http/index.ts';
import { redisProbe } from './redis.ts';
import { sshProbe } from './ssh.ts';
import { tlsProbe } from './tls/index.ts';
import { unknownProbe } from './unknown.ts';

/** Every probe, in alphabetical order, which is also the order of asking: `unknown` takes what nobody else knows. */
export const PROBES: readonly Probe[] = [httpProbe, redisProbe, sshProbe, tlsProbe, unknownProbe];
