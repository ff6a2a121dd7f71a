import type { Config } from './index.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/;
const hostOf = (address: string): string => address.replace(/:\d+$/, '');

/**
 * Where agents are listened for. Console and API stay on loopback unless told otherwise; agents that are told to call an
 * address of this machine have to find somebody there, and they prove who they are by mutual TLS.
 */
export function agentListenOf(config: Pick<Config, 'listen' | 'agentListen' | 'agentAddress'>): string {
  if (config.agentListen !== null) return config.agentListen;
  const told = hostOf(config.agentAddress);
  if (LOOPBACK.test(told) || !LOOPBACK.test(config.listen)) return config.listen;
  return told.startsWith('[') ? '::' : '0.0.0.0';
}
