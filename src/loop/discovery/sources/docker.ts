import * as z from 'zod';
import { type AskedSource, CA, macOf, optional } from './contract.ts';
import { at } from './http.ts';

const Networks = z.array(z.object({ Id: z.string(), Name: z.string(), Driver: z.string() }));
const Containers = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullish(),
    Image: z.string().default(''),
    NetworkSettings: z
      .object({
        Networks: z
          .record(
            z.string(),
            z.object({
              NetworkID: z.string().nullish(),
              IPAddress: z.string().nullish(),
              GlobalIPv6Address: z.string().nullish(),
              MacAddress: z.string().nullish(),
            }),
          )
          .nullish(),
      })
      .nullish(),
  }),
);
/** Containers on these stand in the network as machines do; on a bridge, the same addresses are on every machine. */
const OWN_ADDRESS = new Set(['macvlan', 'ipvlan']);

/** The Docker Engine API: containers that have an address of their own in the network. */
export const docker: AskedSource = {
  kind: 'docker',
  of: 'machines',
  how: 'asked',
  title: 'Docker',
  needs:
    'The socket of the engine, readable by the server, or an engine behind HTTPS. The socket means root on that machine: a proxy that allows GET only is the better door.',
  isList: false,
  fields: [
    optional('socket', 'path of the socket, such as /run/docker.sock, where there is no url'),
    optional('url', 'an engine behind HTTPS, where there is no socket'),
    optional('networks', 'names of further networks whose addresses others can reach, with commas between'),
    CA,
  ],
  async *read({ settings, http, skip }) {
    if (!settings['socket'] === !settings['url']) throw new Error('give either a socket or a url');
    const base = settings['url'] ?? 'http://localhost';
    const named = new Set((settings['networks'] ?? '').split(',').map((one) => one.trim()));
    const networks = Networks.parse(await http.ask(at(base, '/networks')));
    const own = new Set(
      networks.filter((net) => OWN_ADDRESS.has(net.Driver) || named.has(net.Name)).map((net) => net.Id),
    );
    for (const container of Containers.parse(await http.ask(at(base, '/containers/json')))) {
      const nets = Object.values(container.NetworkSettings?.Networks ?? {}).filter((net) =>
        own.has(net.NetworkID ?? ''),
      );
      if (nets.length === 0) {
        skip('container without an address of its own');
        continue;
      }
      yield {
        id: container.Id,
        name: container.Names?.[0]?.replace(/^\//, ''),
        addresses: nets.flatMap((net) => [net.IPAddress, net.GlobalIPv6Address]).flatMap((one) => one || []),
        identifiers: nets.flatMap((net) => macOf(net.MacAddress)),
        guess: `container of ${container.Image}`,
      };
    }
  },
};
