import { AGENT_PATHS, AGENT_SERVICE, AGENT_UNIT } from './agent-paths.ts';

type Command = readonly string[];

/** How a service manager forgets the agent; any of it may fail where the agent does not run or was never installed. */
export interface ServiceEnd {
  /** before the files are removed: stops it for good */
  end: readonly Command[];
  /** once the files are removed */
  after: readonly Command[];
}

export type Registrar = 'update-rc.d' | 'chkconfig';

const REMOVE_FROM_RC_LOCAL = `f=${AGENT_PATHS.rcLocal}; [ -f "$f" ] || exit 0
new=$(grep -vF '${AGENT_PATHS.control}' "$f"); printf '%s\\n' "$new" >"$f"`;

const SYSTEMD: ServiceEnd = {
  end: [['systemctl', 'disable', '--now', AGENT_UNIT]],
  after: [['systemctl', 'daemon-reload']],
};
const ALONE: ServiceEnd = { end: [[AGENT_PATHS.control, 'stop']], after: [] };

export const SERVICE_END = {
  systemd: SYSTEMD,
  openrc: {
    end: [
      ['rc-service', '--ifexists', AGENT_SERVICE, 'stop'],
      ['rc-update', 'del', AGENT_SERVICE, 'default'],
    ],
    after: [],
  } satisfies ServiceEnd,
  sysv: (registrars: readonly Registrar[]): ServiceEnd => ({
    end: [
      [AGENT_PATHS.initScript, 'stop'],
      ...(registrars.includes('chkconfig') ? [['chkconfig', '--del', AGENT_SERVICE]] : []),
    ],
    // It takes the links away only where the script is gone.
    after: registrars.includes('update-rc.d') ? [['update-rc.d', AGENT_SERVICE, 'remove']] : [],
  }),
  alone: ALONE,
  rcLocal: { end: [...ALONE.end, ['sh', '-c', REMOVE_FROM_RC_LOCAL]], after: [] } satisfies ServiceEnd,
};

/** What was found of the agent's service on a host. */
export interface ServiceTraces {
  /** text of the init script; null: there is none */
  initScript: string | null;
  control: boolean;
  /** it is named there */
  rcLocal: boolean;
}

/** Told by what is there, not by what a host may run: whatever started the agent is stopped and forgets it. */
export function serviceEnds({ initScript, control, rcLocal }: ServiceTraces): ServiceEnd {
  const ends: ServiceEnd[] = [SYSTEMD];
  if (initScript !== null)
    ends.push(
      initScript.startsWith('#!/sbin/openrc-run') ? SERVICE_END.openrc : SERVICE_END.sysv(['update-rc.d', 'chkconfig']),
    );
  if (control) ends.push(ALONE);
  if (rcLocal) ends.push(SERVICE_END.rcLocal);
  return { end: ends.flatMap((one) => one.end), after: ends.flatMap((one) => one.after) };
}
