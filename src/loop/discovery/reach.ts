import ipaddr from 'ipaddr.js';
import type { Platform } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { LiveScopes } from './live-scopes.ts';

/**
 * Where a URL that a stranger wrote may lead us: to public addresses, and to any that a scope of ours covers. Never to what
 * a scope excludes. Null: it may; else why not. As the scopes are now: ask again for the next piece of work.
 */
export async function reachOf(platform: Platform): Promise<(address: string) => string | null> {
  const scopes = new LiveScopes(platform);
  await scopes.refresh();
  return (text) => {
    const address = normalAddress(text);
    if (address === null) return `${text} is no address`;
    if (scopes.isExcluded(address)) return `${address} is excluded`;
    if (scopes.scopeFor(address) !== null || ipaddr.process(address).range() === 'unicast') return null;
    return `${address} is not public, and in no scope`;
  };
}
