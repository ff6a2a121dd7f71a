import type { ErrorSpec } from './spec.ts';

export const DISCOVERY_ERRORS = {
  TARGET_INVALID: {
    status: 400,
    text: 'Reading target "{target}" did not work: {why}. Give an address, a CIDR like 10.0.0.0/24, a range like 10.0.0.1-20, or a host name.',
  },
  TARGET_WIDE: {
    status: 400,
    text: '"{target}" is wider than a /8. If you really mean it, say so: `--confirm-wide` (confirmWide: true in the API).',
  },
  TARGETS_EMPTY: {
    status: 400,
    text: 'Nothing is left to scan: every target is excluded or no name resolves. Check the targets and the exclusions of all scopes.',
  },
  TARGETS_TOO_MANY: {
    status: 400,
    text: 'Scanning {pairs} address and port pairs would never end; narrow the targets or the ports to at most 2^48 pairs.',
  },
  TARGET_V6_WIDE: {
    status: 400,
    text: 'Nobody can walk {first} to {last}: IPv6 is looked through only in prefixes of /104 and longer. Name addresses, host names or such prefixes; for the others, what feeds them in is agents (`--follow` with the prefix: what they see connections to is looked at) and lists (`lastember hosts import`).',
  },
  PORTS_INVALID: {
    status: 400,
    text: 'Reading ports "{ports}" did not work: {why}. Give fast, default, full, or a list like 22,80,8000-8100.',
  },
  UDP_PORTS_INVALID: {
    status: 400,
    text: 'Reading the UDP ports "{ports}" did not work: nothing is known to ask at "{part}". Give none, default, or a list of {known}.',
  },
  SCHEDULE_INVALID: {
    status: 400,
    text: 'Reading the schedule "{every}" did not work: {why}. Give a cron expression such as "0 3 * * *".',
  },
  BLACKOUT_INVALID: {
    status: 400,
    text: 'Reading the blackout "{blackout}" did not work: {why}. Give days, hours and a time zone, such as "mon-fri 08:00-18:00 Europe/Berlin".',
  },
  UDP_ELSEWHERE: {
    status: 400,
    text: 'Scanners at sites ask TCP ports only, and UDP ports were named for the site "{site}". Leave --udp out, or say --udp none.',
  },
  SCAN_NOTHING_KNOWN: {
    status: 409,
    text: 'There is nothing to look at again: no host is known at these addresses. Make a full scan first.',
  },
  SCOPE_EXISTS: {
    status: 409,
    text: 'There is a scope named "{name}" already; remove it first or choose another name.',
  },
  SCAN_NEVER: {
    status: 409,
    text: 'The blackouts of the scopes {scopes} together leave no hour for a scan that touches all of them. Scan them one at a time, or shorten a blackout with `lastember scope change`.',
  },
  SCAN_ACTIVE: {
    status: 409,
    text: 'Scope "{scope}" is being scanned already (scan {scan}, {state}); wait for it, resume it or cancel it.',
  },
  SCAN_UNFINISHED: {
    status: 409,
    text: 'Scan {scan} is {state}; it can be exported when it has ended. Wait for it with `lastember scans`.',
  },
  SCAN_FILE: {
    status: 400,
    text: 'Reading the file of a scan did not work: {why}. Make it anew with `lastember scans export`.',
  },
  SCAN_FILE_UNSIGNED: {
    status: 400,
    text: 'Nobody signed the file of this scan, so it may say anything. If you know where it comes from, take it with --unsigned (in the API: `unsigned`); a server of today signs what `lastember scans export` writes.',
  },
  SCAN_FILE_STRANGER: {
    status: 403,
    text: 'The file of this scan is signed by the key {key}, which is not this server’s. If `lastember scans key` says the same on the server that you trust, take it with --key {key} (in the API: `key`).',
  },
  SCAN_STATE: { status: 409, text: 'Scan {scan} is {state}; it takes {needs} to {verb} it.' },
  ADDRESS_NOT_ALLOWED: {
    status: 403,
    text: '{address} is in no scope or is excluded, so Lastember does not connect to it. Add it to a scope to have it looked at.',
  },
  ADDRESS_ELSEWHERE: {
    status: 409,
    text: '{address} is meant as site {site} has it; from here it is another machine, so Lastember does not connect to it. Scan its scope to have it looked at, and enroll its agent on the machine itself.',
  },
  PATROL_REFUSED: {
    status: 422,
    text: 'The report of patrol {id} was refused and the patrol ended: {why}. An agent tells only about what it was asked to look at.',
  },
  SCANNER_REFUSED: {
    status: 422,
    text: 'A report about scan {scan} was refused: {why}. A scanner tells only about the portion that it was given; it gets no work for a day.',
  },
  SCANNER_REVOKED: {
    status: 403,
    text: 'This scanner was revoked, or this server does not know it. Enroll it anew with a token: lastember scanners token --site NAME.',
  },
  CONNECT_REFUSED: { status: 502, text: '{address}:{port} refused the connection; nothing listens there now.' },
  CONNECT_TIMEOUT: { status: 504, text: '{address}:{port} did not answer within {ms} ms.' },
  CONNECT_UNREACHABLE: { status: 502, text: '{address}:{port} is unreachable from here ({code}).' },
  SCANNER_EXHAUSTED: {
    status: 503,
    text: 'The scanner ran out of sockets, ports or memory of its own at {address}:{port}, several times in a row; the scan goes on from here later. Raise the limit of open files (ulimit -n), or scan less at once.',
  },
  PROBE_STOPPED: {
    status: 502,
    text: 'Probing {address}:{port} as {protocol} stopped: {why}. The last result is kept.',
  },
  MERGE_INVALID: { status: 409, text: 'The two hosts were not merged: {why}.' },
  SPLIT_INVALID: {
    status: 409,
    text: 'No merge into host {id} is there to be taken back. What became of it and why: `lastember host {id} --why`.',
  },
  SOURCE_EXISTS: {
    status: 409,
    text: 'There is a source named "{name}" already; remove it first or choose another name.',
  },
  SOURCE_INVALID: {
    status: 400,
    text: 'Source "{name}" was not taken: {why}. What a source of this kind needs: `lastember source kinds {kind}`.',
  },
  SOURCE_RUNNING: {
    status: 409,
    text: 'Source "{name}" is being read already; wait for it: `lastember source show {name}`.',
  },
  IMPORT_INVALID: {
    status: 400,
    text: 'Reading line {line} of the host list did not work: {why}. Give one address or name a line, CSV with a header, or JSON lines.',
  },
} satisfies Record<string, ErrorSpec>;
