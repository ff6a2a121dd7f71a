const from = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/**
 * Where what we say may be done instead of understood: printers print it (LPD, raw printing), machines are controlled by
 * it (S7, Modbus, Crimson, Niagara Fox, IEC 104, DNP3, EtherNet/IP), and terminal servers hand it to whatever hangs on
 * their serial lines. There one listens, and asks nothing.
 */
const PRINTERS = [515, ...from(9100, 9107)];
const CONTROLLERS = [102, 502, 789, 1911, 2404, 20_000, 44_818];
const SERIAL_LINES = [...from(2001, 2048), ...from(4001, 4032), ...from(7001, 7032), 10_001];
const NEVER_ASKED = new Set([...PRINTERS, ...CONTROLLERS, ...SERIAL_LINES]);

/** What is likeliest behind an unusual port, first. Whoever is not named comes after these, in alphabetical order. */
const LIKELY = ['tls', 'http', 'redis', 'postgresql', 'mqtt', 'memcached', 'mongodb', 'amqp'];

/**
 * Whose servers hang up on openings that are not their own. Measured on the lab's: no other server hangs up on those of
 * both TLS and HTTP, and within TLS none on those of both HTTP and Redis. What speaks MongoDB without being MongoDB may.
 */
const CURT = new Set(['ldap', 'mongodb', 'mqtt', 'postgresql', 'rpc']);

/** Would asking for this be in vain, at a port that hung up on the openings of these? */
export const isPointless = (protocol: string, hungUp: ReadonlySet<string>): boolean =>
  hungUp.has('http') && (hungUp.has('tls') || hungUp.has('redis')) && !CURT.has(protocol);

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
