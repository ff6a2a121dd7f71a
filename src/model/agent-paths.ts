/** Where the agent lives on a host, however it came and whatever starts it. One place, so that uninstalling can be complete. */
export const AGENT_PATHS = {
  dir: '/opt/lastember',
  /** the agent as one file */
  program: '/opt/lastember/lastember-agent',
  /** the program alone, run by the host's Node or by the runtime */
  bundle: '/opt/lastember/lastember-agent.cjs',
  /** the Node that installer and packages bring */
  runtime: '/opt/lastember/node',
  configDir: '/etc/lastember',
  config: '/etc/lastember/agent.json',
  state: '/var/lib/lastember',
  /** programs that came as updates; see the agent's launcher */
  updates: '/var/lib/lastember/programs',
  unit: '/etc/systemd/system/lastember-agent.service',
  /** enables the unit, also where no service manager runs, as in an image */
  enabled: '/etc/systemd/system/multi-user.target.wants/lastember-agent.service',
  initScript: '/etc/init.d/lastember-agent',
  /** what starts and stops it where there is no service manager */
  control: '/opt/lastember/control',
  cron: '/etc/cron.d/lastember-agent',
  rcLocal: '/etc/rc.local',
  logrotate: '/etc/logrotate.d/lastember-agent',
  /** systemd's journal has it instead, where there is one */
  log: '/var/log/lastember-agent.log',
  pid: '/var/run/lastember-agent.pid',
} as const;
export const AGENT_SERVICE = 'lastember-agent';
export const AGENT_UNIT = `${AGENT_SERVICE}.service`;
/** The agent itself, in any of the forms in which it comes. */
export const AGENT_PROGRAMS = [AGENT_PATHS.program, AGENT_PATHS.bundle, AGENT_PATHS.runtime] as const;
/** All that any service manager gets of us; what was never there is no error to remove. */
export const AGENT_SERVICE_FILES: readonly string[] = [
  AGENT_PATHS.enabled,
  AGENT_PATHS.unit,
  AGENT_PATHS.initScript,
  AGENT_PATHS.control,
  AGENT_PATHS.cron,
  AGENT_PATHS.logrotate,
  AGENT_PATHS.pid,
];
/** Says which package brought the agent, where one did: only its package manager takes it away again. */
export const AGENT_PACKAGE_MARK = '/opt/lastember/packaged';
/** Directories that are ours, deepest first. */
export const AGENT_DIRS = [AGENT_PATHS.dir, AGENT_PATHS.configDir] as const;
