import { normalAddress } from '../../../../scan/logic/address.ts';
import { containsAddress, parseTargets, type Targets } from '../../../../scan/logic/targets.ts';
import { type AskedSource, type Asking, optional, secret, setting, type SourceRecord } from '../contract.ts';
import { crawl, type Leash } from './crawl.ts';
import type { Login } from './session.ts';

const MOST_HOPS = 16;
const MOST_DEVICES = 5000;
const MOST_NEIGHBOURS = 100_000;
/** The word for "whoever a scope covers", instead of networks. */
const ALL = 'scopes';
/** A run may take half an hour; the last device, and taking what was told, take some of that. */
const ASKING_MS = 20 * 60_000;

/**
 * Routers and switches asked for those next to them, from a seed on: LLDP (IEEE 802.1AB), CDP, BGP (RFC 4273) and ARP
 * (RFC 4293). Whoever is asked must be in a scope, and is asked at its rate.
 */
export const snmp: AskedSource = {
  kind: 'snmp',
  of: 'machines',
  how: 'asked',
  title: 'Routers and switches (SNMP)',
  needs:
    'A community (SNMPv2c) or a user (SNMPv3) that may read the system group, IP-MIB, LLDP-MIB, CISCO-CDP-MIB and BGP4-MIB; nothing is written. Only devices within a scope are asked, at its rate: the seeds, and of those next to them who `follow` covers. A community goes to each of these in clear, whoever it is; rather give a user with keys.',
  isList: false,
  fields: [
    setting('seeds', 'addresses of the devices to begin with, with commas between'),
    optional(
      'follow',
      `networks of neighbours that are asked in turn, with commas between (10.0.0.0/24); ${ALL}: all that a scope covers. Without it the seeds alone are asked`,
    ),
    optional('hops', 'how far from a seed devices are asked; 0: the seeds alone', '2'),
    optional('most-devices', 'how many devices are asked at most', '500'),
    optional('most-neighbours', 'how many neighbours of one device count', '5000'),
    optional('port', 'UDP port', '161'),
    { ...secret('community', 'community of SNMPv2c'), required: false },
    optional('user', 'name of an SNMPv3 user; it is used instead of the community'),
    { ...optional('auth-protocol', 'how the user signs', 'sha256'), choices: ['sha', 'sha256', 'sha512'] },
    { ...secret('auth-key', 'what the user signs with'), required: false },
    { ...secret('priv-key', 'what the user encrypts with (AES-128)'), required: false },
  ],
  read: readSnmp,
};

async function* readSnmp(asking: Asking): AsyncGenerator<SourceRecord> {
  yield* await crawl(asking, leashOf(asking));
}

function leashOf({ settings, secrets }: Asking): Leash {
  const seeds = (settings['seeds'] ?? '').split(/[\s,]+/).filter((text) => text !== '');
  const addresses = seeds.map((text) => {
    const address = normalAddress(text);
    if (address === null) throw new Error(`"${text}" is no address; seeds are IPv4 or IPv6 addresses`);
    return address;
  });
  if (addresses.length === 0) throw new Error('no seed is given');
  return {
    seeds: [...new Set(addresses)],
    hops: whole(settings, 'hops', 0, MOST_HOPS),
    most: whole(settings, 'most-devices', 1, MOST_DEVICES),
    neighbours: whole(settings, 'most-neighbours', 1, MOST_NEIGHBOURS, '5000'),
    follows: followsOf(settings['follow'] ?? ''),
    port: whole(settings, 'port', 1, 65_535),
    login: loginOf(settings, secrets),
    ms: ASKING_MS,
  };
}

function followsOf(text: string): (address: string) => boolean {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) return () => false;
  if (words.length === 1 && words[0] === ALL) return () => true;
  const wrong = (why: string): Error =>
    new Error(`follow is "${text}"; it is \`${ALL}\`, or networks and addresses with commas between: ${why}`);
  let targets: Targets;
  try {
    targets = parseTargets(words, { confirmWide: true });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  if (targets.names.length > 0) throw wrong(`${targets.names[0]} is neither`);
  return (address) => containsAddress(targets.intervals, address);
}

/** `otherwise`: of sources from before there was this setting. */
function whole(
  settings: Readonly<Record<string, string>>,
  name: string,
  least: number,
  most: number,
  otherwise = '',
): number {
  const text = settings[name] ?? otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Error(`${name} is "${text}"; it is a whole number from ${least} to ${most}`);
}

function loginOf(settings: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>): Login {
  const user = settings['user'] ?? null;
  const community = secrets['community'] ?? null;
  if (user === null && community === null) throw new Error('neither a community nor a user is given');
  const [authKey, privKey] = [secrets['auth-key'], secrets['priv-key']];
  if (privKey !== undefined && authKey === undefined)
    throw new Error('who encrypts has to sign, too: auth-key is missing');
  for (const [name, key] of Object.entries({ 'auth-key': authKey, 'priv-key': privKey }))
    if (key !== undefined && key.length < 8) throw new Error(`${name} has less than 8 characters (RFC 3414, 11.2)`);
  const protocol = settings['auth-protocol'] as 'sha' | 'sha256' | 'sha512';
  return {
    community,
    user,
    auth: authKey === undefined ? null : { protocol, key: authKey },
    priv: privKey === undefined ? null : { key: privKey },
  };
}
