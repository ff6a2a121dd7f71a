import { createClient, type Client } from '../../../src/client/client.ts';
import type { Host } from '../../../src/model/estate.ts';

/** The public HTTP API with one person's token. */
export interface Api extends Client {
  token: string;
}

export function createApi(url: string, token: string): Api {
  return { ...createClient({ baseUrl: url, headers: { authorization: `Bearer ${token}` } }), token };
}

export const hostsOf = async (api: Api): Promise<Host[]> => (await api.listHosts()).items;
