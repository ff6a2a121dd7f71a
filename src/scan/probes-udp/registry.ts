import type { UdpProbe } from './contract.ts';
import { dnsUdpProbe } from './dns.ts';
import { ipmiProbe } from './ipmi.ts';
import { ntpProbe } from './ntp.ts';
import { snmpProbe } from './snmp.ts';

/** Every probe over UDP, in alphabetical order. */
export const UDP_PROBES: readonly UdpProbe[] = [dnsUdpProbe, ipmiProbe, ntpProbe, snmpProbe];
