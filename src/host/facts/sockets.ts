import { by, type FactSection } from './look.ts';
import { tcp } from './running.ts';

/** Listening TCP sockets with process, unit and package. */
export const sockets: FactSection<'sockets'> = {
  name: 'sockets',
  version: 1,
  async collect(look) {
    const facts = (await tcp(look))
      .filter((row) => row.state === 'listen')
      .map((row) => ({
        address: row.localAddress,
        port: row.localPort,
        pid: row.pid,
        process: row.process,
        unit: row.unit,
        package: row.package,
      }));
    return facts.sort(
      by(
        (fact) => fact.address,
        (fact) => fact.port,
        (fact) => fact.pid ?? 0,
      ),
    );
  },
};
