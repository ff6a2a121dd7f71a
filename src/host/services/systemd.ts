import type { ServiceFact } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';

const PROPERTIES = 'Id,ActiveState,UnitFileState,MainPID,FragmentPath,ExecStart';
const OF_TIMERS = 'Unit,TimersCalendar,TimersMonotonic';
const DROP_INS = '/etc/systemd/system';

/** One unit as `systemctl show` tells it. */
export interface Unit {
  name: string;
  state: ServiceFact['state'];
  enabled: boolean | null;
  mainPid: number | null;
  exec: string | null;
  unitFile: string | null;
}

async function show(host: Host, properties: string, ...patterns: string[]): Promise<string | null> {
  const { code, stdout } = await host.exec([
    'systemctl',
    'show',
    '--no-pager',
    `--property=${properties}`,
    ...patterns,
  ]);
  return code === 0 ? stdout : null;
}

/** All loaded units of services, as systemd tells them; null where there is none to ask. */
export const showServices = (host: Host): Promise<string | null> => show(host, PROPERTIES, '*.service');
/** Timers as well. */
export const showUnits = (host: Host): Promise<string | null> =>
  show(host, `${PROPERTIES},${OF_TIMERS}`, '*.service', '*.timer');

/** The services among them, by name. */
export function parseUnits(text: string): Map<string, Unit> {
  const units = text.split(/\n\s*\n/).flatMap(parseUnit);
  return new Map(units.filter(({ name }) => !name.endsWith('.timer')).map((unit) => [unit.name, unit]));
}

/** A unit that is not loaded, because it neither runs nor starts at boot, stands in no list; asked by its name it is there. */
export async function readOne(host: Host, name: string): Promise<Unit | null> {
  const properties = `${PROPERTIES},LoadState`;
  const result = await host.exec(['systemctl', 'show', '--no-pager', `--property=${properties}`, name]);
  if (result.code !== 0 || !/^LoadState=(?:loaded|masked)$/m.test(result.stdout)) return null;
  const [unit] = parseUnit(result.stdout);
  return unit === undefined ? null : { ...unit, name };
}

function parseUnit(block: string): Unit[] {
  const fields = new Map(
    block.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
  const name = fields.get('Id');
  if (!name) return [];
  const pid = Number(fields.get('MainPID') ?? 0);
  return [
    {
      name,
      state: stateOf(fields.get('ActiveState') ?? ''),
      enabled: enabledOf(fields.get('UnitFileState') ?? ''),
      mainPid: pid > 0 ? pid : null,
      exec: execOf(fields.get('ExecStart') ?? ''),
      unitFile: fields.get('FragmentPath') || null,
    },
  ];
}

const STATES: Record<string, ServiceFact['state']> = {
  active: 'running',
  reloading: 'running',
  inactive: 'stopped',
  deactivating: 'stopped',
  failed: 'failed',
};
const stateOf = (active: string): ServiceFact['state'] => STATES[active] ?? 'unknown';

function enabledOf(state: string): boolean | null {
  if (['enabled', 'enabled-runtime', 'alias'].includes(state)) return true;
  return ['disabled', 'masked', 'masked-runtime'].includes(state) ? false : null;
}

/** `{ path=… ; argv[]=/usr/sbin/sshd -D ; ignore_errors=no ; start_time=… }`: the times in it change, the command does not. */
function execOf(text: string): string | null {
  const start = text.indexOf('argv[]=') + 'argv[]='.length;
  const end = text.indexOf(' ; ignore_errors=', start);
  return (text.includes('argv[]=') && end !== -1 ? text.slice(start, end) : text.trim()) || null;
}

export interface DeclaredFiles {
  certificate: string | null;
  privateKey: string | null;
  sessionSecret: string | null;
}

/** The files that a unit names in its [X-Lastember] section (systemd ignores X- sections), drop-ins included. */
export async function declaredFiles(host: Host, unit: Unit, dropIns: ReadonlySet<string>): Promise<DeclaredFiles> {
  const texts = [unit.unitFile === null ? null : await textOf(host, unit.unitFile)];
  const directory = `${unit.name}.d`;
  if (dropIns.has(directory)) {
    const files = (await host.list(`${DROP_INS}/${directory}`).catch(() => null)) ?? [];
    for (const file of files) {
      if (file.endsWith('.conf')) texts.push(await textOf(host, `${DROP_INS}/${directory}/${file}`));
    }
  }
  return parseDeclared(texts.filter((text) => text !== null).join('\n'));
}

/** One that cannot be read names nothing; what the other units name does not depend on it. */
const textOf = (host: Host, path: string): Promise<string | null> => readText(host, path, 65_536).catch(() => null);

export async function listDropIns(host: Host): Promise<Set<string>> {
  return new Set(((await host.list(DROP_INS)) ?? []).filter((name) => name.endsWith('.d')));
}

function parseDeclared(text: string): DeclaredFiles {
  const values = new Map<string, string>();
  let inside = false;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line.startsWith('[') && line.endsWith(']')) inside = line === '[X-Lastember]';
    const pair = /^(\w+)\s*=\s*(\/.*)$/.exec(line);
    if (inside && pair) values.set(pair[1]!, pair[2]!);
  }
  return {
    certificate: values.get('Certificate') ?? null,
    privateKey: values.get('PrivateKey') ?? null,
    sessionSecret: values.get('SessionSecret') ?? null,
  };
}
