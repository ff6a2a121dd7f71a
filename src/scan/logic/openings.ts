/** Printers print what is sent to these ports (raw printing, LPD): there one listens, and asks nothing. */
const NEVER_ASKED = new Set([515, ...Array.from({ length: 8 }, (_, i) => 9100 + i)]);

/** What is likeliest behind an unusual port, first. Whoever is not named comes after these, in alphabetical order. */
const LIKELY = ['tls', 'http', 'redis', 'postgresql', 'mqtt', 'memcached', 'mongodb', 'amqp'];

interface Member {
  protocol: string;
  ports?: readonly number[];
  asks?: unknown;
  over?: string;
}

/**
 * Whose openings are tried at this port, in order: those that suit the port, then the others by likelihood. APIs over
 * HTTP have no opening of their own elsewhere: they are asked when HTTP was heard.
 */
export function openingsFor<M extends Member>(port: number, members: readonly M[]): { suited: M[]; others: M[] } {
  if (NEVER_ASKED.has(port)) return { suited: [], others: [] };
  const asking = members.filter((member) => member.asks !== undefined);
  const suited = asking.filter((member) => member.ports?.includes(port));
  const others = asking.filter((member) => !suited.includes(member) && member.over === undefined);
  return { suited, others: others.toSorted((a, b) => rank(a) - rank(b)) };
}

const rank = ({ protocol }: Member): number => (LIKELY.includes(protocol) ? LIKELY.indexOf(protocol) : LIKELY.length);
