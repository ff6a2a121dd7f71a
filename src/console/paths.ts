/** Every link of the console is built here, so that a moved page is one edit. */
export const paths = {
  overview: () => '/',
  hosts: () => '/hosts',
  host: (id: string) => `/hosts/${encodeURIComponent(id)}`,
  unknown: () => '/unknown',
  sources: () => '/sources',
  scans: () => '/scans',
  deployments: () => '/deployments',
  deployment: (id: string) => `/deployments/${encodeURIComponent(id)}`,
  agentUpdate: (id: string) => `/agent-updates/${encodeURIComponent(id)}`,
  findings: () => '/findings',
  vulnerabilities: () => '/vulnerabilities',
  vulnerability: (advisory: string) => `/vulnerabilities/${encodeURIComponent(advisory)}`,
  compliance: () => '/compliance',
  policies: () => '/policies',
  keys: () => '/keys',
  graph: () => '/graph',
  changes: () => '/changes',
  change: (id: string) => `/changes/${encodeURIComponent(id)}`,
  campaign: (kit: string) => `/campaigns/${encodeURIComponent(kit)}`,
  exceptions: () => '/exceptions',
  trail: () => '/trail',
  documents: () => '/documents',
  notifications: () => '/notifications',
  timeline: () => '/timeline',
  map: () => '/map',
  account: () => '/account',
  document: (kind: string, id: string, format: string) =>
    `/api/v1/documents/${kind}/${encodeURIComponent(id)}?format=${format}`,
  signIn: () => '/sign-in',
} as const;

/** An address that somebody came from: only ever one of this console's own pages. */
export function ownPath(from: unknown, origin: string): string {
  const own = typeof from === 'string' && from.startsWith('/') && URL.parse(from, origin)?.origin === origin;
  return own ? from : paths.overview();
}
