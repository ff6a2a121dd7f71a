import { createClient } from '../../client/client.ts';

/** The console's one client: same origin, session cookie, and the mark that a session may change things. */
export const api = createClient({ baseUrl: location.origin, headers: { 'x-lastember': 'console' } });
