import { type Capabilities, CAPABILITIES_QUERY, PRESENCE_PING, readCapabilities, readPong } from '../logic/ipmi.ts';
import { serviceResult } from '../probes/service-result.ts';
import type { UdpProbe } from './contract.ts';

/** Management controllers: whether they are there and whom they let in. No session is begun. */
export const ipmiProbe: UdpProbe = {
  protocol: 'ipmi',
  ports: [623],
  probe: async (target) => {
    const capabilities = (await target.ask(CAPABILITIES_QUERY)).map(readCapabilities).find((one) => one !== null);
    const pong = (await target.ask(PRESENCE_PING)).map(readPong).find((one) => one !== null);
    if (!capabilities && !pong?.ipmi) return null;
    return serviceResult('ipmi', {
      ...verdictOf(capabilities ?? null),
      details: {
        ipmi: capabilities && (capabilities.version2 ? '2.0' : '1.5'),
        ways: capabilities?.ways.join(', '),
        anonymous: capabilities && (capabilities.anonymous ? 'may log in' : 'may not log in'),
      },
    });
  },
};

function verdictOf(capabilities: Capabilities | null): { access: 'open' | 'refused' | 'unknown'; what: string } {
  if (!capabilities) return { access: 'unknown', what: 'it answered a ping and did not say how one logs in' };
  if (capabilities.ways.includes('none')) return { access: 'open', what: 'it offers a session without any proof' };
  if (capabilities.anonymous) return { access: 'open', what: 'it lets somebody without name and password log in' };
  return { access: 'refused', what: 'it wants a name and a password' };
}
