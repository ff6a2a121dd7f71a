import type { Endpoint } from '../../../model/estate.ts';
import type { Facts, PackageFact, ProcessFact, ServiceFact, SocketFact } from '../../../model/facts.ts';

/** What the host itself says about one of its listeners. */
export interface Listener {
  socket: SocketFact | null;
  service: ServiceFact | null;
  package: PackageFact | null;
}

const ANY = new Set(['0.0.0.0', '::', '*', '[::]']);
const plain = (address: string): string => address.replace(/^::ffff:/i, '');

/** An exact address wins over one that listens on all. */
export function socketOf(facts: Partial<Facts>, at: Pick<Endpoint, 'address' | 'port'>): SocketFact | null {
  const onPort = (facts.sockets ?? []).filter((socket) => socket.port === at.port);
  const exact = onPort.find((socket) => plain(socket.address) === plain(at.address));
  return exact ?? onPort.find((socket) => ANY.has(plain(socket.address))) ?? null;
}

export function listenerOf(facts: Partial<Facts>, at: Pick<Endpoint, 'address' | 'port'>): Listener {
  const socket = socketOf(facts, at);
  return {
    socket,
    service: serviceNamed(facts, socket?.unit ?? null),
    package: packageNamed(facts, socket?.package ?? null),
  };
}

export function serviceNamed(facts: Partial<Facts>, unit: string | null): ServiceFact | null {
  return (unit !== null && facts.services?.find((service) => service.name === unit)) || null;
}

export function packageNamed(facts: Partial<Facts>, name: string | null): PackageFact | null {
  return (name !== null && facts.packages?.find((fact) => fact.name === name)) || null;
}

export function processesOf(facts: Partial<Facts>, unit: string | null): ProcessFact[] {
  return (facts.processes ?? []).filter((process) => process.unit === unit);
}

/** Processes of the unit that still map files which were replaced on disk. */
export function holdersOfOldFiles(facts: Partial<Facts>, unit: string | null): ProcessFact[] {
  return processesOf(facts, unit).filter((process) => process.replaced.length > 0);
}

/** Units whose processes run or map files of the package, or hold old files of it. */
export function unitsOfPackage(facts: Partial<Facts>, name: string): string[] {
  const users = (facts.processes ?? []).filter(
    (process) => process.packages.includes(name) || process.replaced.some((file) => file.package === name),
  );
  return [...new Set(users.flatMap((process) => process.unit ?? []))]
    .filter((unit) => unit.endsWith('.service') || serviceNamed(facts, unit) !== null)
    .sort();
}
