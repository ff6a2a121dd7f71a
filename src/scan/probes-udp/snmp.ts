import { DESCRIPTION_QUERY, ENGINE_QUERY, readDescription, readEngine } from '../logic/snmp.ts';
import { serviceResult } from '../probes/service-result.ts';
import { askSurely, SILENT } from './ask-surely.ts';
import type { UdpProbe, UdpTarget } from './contract.ts';

/** Numbers that IANA gave to makers of agents. */
const MAKERS: Readonly<Record<number, string>> = {
  9: 'Cisco',
  11: 'HP',
  311: 'Microsoft',
  318: 'APC',
  674: 'Dell',
  2021: 'UCD-SNMP',
  2636: 'Juniper',
  6876: 'VMware',
  8072: 'Net-SNMP',
  12_356: 'Fortinet',
  14_988: 'MikroTik',
};

/** Management: whether the public community reads, which is asked for one line only, and whose agent it is. */
export const snmpProbe: UdpProbe = {
  protocol: 'snmp',
  ports: [161],
  probe: async (target) => {
    const { engine, description, isSure } = await askBoth(target);
    if (description === undefined && engine === undefined) return null;
    return serviceResult('snmp', {
      product: engine === undefined ? undefined : (MAKERS[engine] ?? `enterprise ${engine}`),
      access: description === undefined ? 'refused' : 'open',
      what:
        description === undefined
          ? 'the public community was not answered'
          : 'it let the public community read its description',
      details: {
        description,
        silent: isSure ? undefined : SILENT,
        versions: [description === undefined ? '' : '2c', engine === undefined ? '' : '3'].filter(Boolean).join(', '),
      },
    });
  },
};

async function askBoth(target: UdpTarget) {
  const told = async () => (await target.ask(DESCRIPTION_QUERY)).map(readDescription).find((one) => one !== null);
  const askEngine = async () => (await target.ask(ENGINE_QUERY)).map(readEngine).find((one) => one !== null);
  let engine: number | undefined;
  const control = async (): Promise<boolean> => {
    const answered = await askEngine();
    engine ??= answered;
    return answered !== undefined;
  };
  const { said, sure } = await askSurely(told, control);
  if (said !== null) engine ??= await askEngine();
  return { engine, description: said ?? undefined, isSure: sure };
}
