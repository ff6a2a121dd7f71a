import { SERVICE_END, type Registrar } from '../../../../model/agent-service.ts';
import type { ServiceManager } from './detect.ts';
import { openrcScript } from './openrc.ts';
import { AGENT_PATHS, AGENT_SERVICE, AGENT_UNIT } from '../../../../model/agent-paths.ts';
import { systemdUnit } from './systemd.ts';
import { controlScript, LOGROTATE } from './sysv.ts';

export interface ServiceFile {
  path: string;
  mode: number;
  text: string;
}

type Command = readonly string[];

/** How one service manager is made to run the agent, and to forget it: files and commands, in their order. */
export interface ServicePlan {
  manager: ServiceManager;
  files: readonly ServiceFile[];
  /** once the files are there: starts it now and at every boot */
  begin: readonly Command[];
  /** stops it, for now; may fail where it does not run or was never installed */
  stop: readonly Command[];
  start: readonly Command[];
  /** before the files are removed: stops it for good; may fail as `stop` */
  end: readonly Command[];
  /** once the files are removed */
  after: readonly Command[];
  /** what whoever installs it has to know; null: nothing */
  note: string | null;
}

/** `command`: the agent's program with what must stand before its own arguments, as `/usr/bin/node /opt/…cjs`. */
export function servicePlan(
  manager: ServiceManager,
  command: string,
  registrar: Registrar = 'update-rc.d',
): ServicePlan {
  return { manager, note: null, after: [], ...PLANS[manager](command, registrar) };
}

type Partly = Omit<ServicePlan, 'manager' | 'note' | 'after'> & Partial<Pick<ServicePlan, 'note' | 'after'>>;

const PLANS: Record<ServiceManager, (command: string, registrar: Registrar) => Partly> = {
  systemd: (command) => ({
    files: [{ path: AGENT_PATHS.unit, mode: 0o644, text: systemdUnit(command) }],
    begin: [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', AGENT_UNIT],
    ],
    stop: [['systemctl', 'stop', AGENT_UNIT]],
    start: [['systemctl', 'start', AGENT_UNIT]],
    ...SERVICE_END.systemd,
  }),
  openrc: (command) => ({
    files: [{ path: AGENT_PATHS.initScript, mode: 0o755, text: openrcScript(command) }, logrotate],
    begin: [
      ['rc-update', 'add', AGENT_SERVICE, 'default'],
      ['rc-service', AGENT_SERVICE, 'start'],
    ],
    stop: [['rc-service', '--ifexists', AGENT_SERVICE, 'stop']],
    start: [['rc-service', AGENT_SERVICE, 'start']],
    ...SERVICE_END.openrc,
  }),
  sysv: (command, registrar) => ({
    files: [{ path: AGENT_PATHS.initScript, mode: 0o755, text: controlScript(command) }, logrotate],
    begin: [
      registrar === 'chkconfig' ? ['chkconfig', '--add', AGENT_SERVICE] : ['update-rc.d', AGENT_SERVICE, 'defaults'],
      [AGENT_PATHS.initScript, 'start'],
    ],
    stop: [[AGENT_PATHS.initScript, 'stop']],
    start: [[AGENT_PATHS.initScript, 'start']],
    ...SERVICE_END.sysv([registrar]),
  }),
  cron: (command) => ({
    ...alone(command),
    files: [...alone(command).files, { path: AGENT_PATHS.cron, mode: 0o644, text: CRON }],
  }),
  'rc.local': (command) => ({
    ...alone(command),
    begin: [['sh', '-c', ADD_TO_RC_LOCAL], ...alone(command).begin],
    ...SERVICE_END.rcLocal,
  }),
  none: (command) => ({
    ...alone(command),
    note: `nothing on it starts services at boot: have it run \`${AGENT_PATHS.control} start\` then, or the agent will be gone after a reboot`,
  }),
};

const logrotate: ServiceFile = { path: AGENT_PATHS.logrotate, mode: 0o644, text: LOGROTATE };

/** Under its own supervisor. */
const alone = (command: string): Partly => ({
  files: [{ path: AGENT_PATHS.control, mode: 0o755, text: controlScript(command) }, logrotate],
  begin: [[AGENT_PATHS.control, 'start']],
  stop: [[AGENT_PATHS.control, 'stop']],
  start: [[AGENT_PATHS.control, 'start']],
  ...SERVICE_END.alone,
});

const CRON = `# Lastember agent: there is no service manager that starts it.
@reboot root ${AGENT_PATHS.control} start >/dev/null 2>&1
`;

const LINE = `[ ! -x ${AGENT_PATHS.control} ] || ${AGENT_PATHS.control} start`;
/** In front of a closing `exit`, which is what many such files end with; links and modes of the file stay. */
const ADD_TO_RC_LOCAL = `f=${AGENT_PATHS.rcLocal}; grep -qF '${AGENT_PATHS.control}' "$f" && exit 0
new=$(awk -v line='${LINE}' '/^exit/ && !done { print line; done = 1 } { print } END { if (!done) print line }' "$f") && printf '%s\\n' "$new" >"$f"`;
