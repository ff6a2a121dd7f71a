import type { Impact } from '../../../model/impact.ts';

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** At most three names, then how many more. */
function names(all: readonly string[]): string {
  const shown = all.slice(0, 3).join(', ');
  return all.length > 3 ? `${shown} and ${all.length - 3} more` : shown;
}

/** One sentence for whoever approves. */
export function summarize(impact: Omit<Impact, 'summary'>): string {
  const changes = [
    impact.packages.length > 0 ? count(impact.packages.length, 'package') : '',
    impact.files.length > 0 ? count(impact.files.length, 'file') : '',
  ].filter((part) => part !== '');
  const where = count(impact.hosts.length, 'host');
  const what =
    changes.length > 0
      ? `${changes.join(' and ')} ${impact.packages.length + impact.files.length === 1 ? 'changes' : 'change'} on ${where}`
      : `Nothing is installed or written on ${where}`;
  return `${what}; ${restartPart(impact)}.`;
}

/** Before there is a plan: only what restarts, and who feels it. */
export function previewSummary(impact: Omit<Impact, 'summary'>): string {
  const part = restartPart(impact);
  return `Before a plan: ${part}. A plan says which packages, keys and files change, too.`;
}

function restartPart(impact: Omit<Impact, 'summary'>): string {
  if (impact.restarts.length === 0) return 'no service restarts';
  const services = names(impact.restarts.map((r) => `${r.service} on ${r.hostName}`));
  const restarts = `${count(impact.restarts.length, 'service restarts', 'services restart')} (${services})`;
  const direct = impact.restarts.flatMap((r) => r.clients.filter((client) => client.distance === 1));
  if (direct.length === 0) return `${restarts}; nobody is known to use ${impact.restarts.length === 1 ? 'it' : 'them'}`;
  const clients = [...new Set(direct.map((client) => client.hostName))];
  const connections = direct.reduce((sum, client) => sum + client.connections, 0);
  const farther = impact.affectedHosts.filter((host) => host.distance > 1).length;
  const through = farther > 0 ? `, and ${count(farther, 'host')} more through them` : '';
  return `${restarts}, used by ${names(clients)} with ${count(connections, 'open connection')}${through}`;
}
