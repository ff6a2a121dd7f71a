import type { Client } from '../client/client.ts';
import { UsageError } from './exit.ts';

/** A host by id, name or address. */
export async function hostIdOf(client: Client, ref: string): Promise<string> {
  const { items } = await client.listHosts();
  const found = items.find((host) => host.id === ref || host.name === ref || host.addresses.includes(ref));
  if (!found) throw new UsageError(`there is no host "${ref}"; list them with \`lastember hosts\``);
  return found.id;
}
