/** Where the agent lives on a host. One place, so that uninstalling can be complete. */
export const AGENT_PATHS = {
  dir: '/opt/lastember',
  /** the agent as one file */
  program: '/opt/lastember/lastember-agent',
  /** the program alone, for hosts with a Node of their own */
  bundle: '/opt/lastember/lastember-agent.cjs',
  /** programs that came as updates; see the agent's launcher */
  updates: '/var/lib/lastember/programs',
  configDir: '/etc/lastember',
  config: '/etc/lastember/agent.json',
  state: '/var/lib/lastember',
  unit: '/etc/systemd/system/lastember-agent.service',
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
