/** Where the agent lives on a host. One place, so that uninstalling can be complete. */
export const AGENT_PATHS = {
  bundle: '/opt/lastember/lastember-agent.cjs',
  runtime: '/opt/lastember/node',
  config: '/etc/lastember/agent.json',
  state: '/var/lib/lastember',
  unit: '/etc/systemd/system/lastember-agent.service',
} as const;
export const AGENT_UNIT = 'lastember-agent.service';
/** Says which package brought the agent, where one did: only its package manager takes it away again. */
export const AGENT_PACKAGE_MARK = '/opt/lastember/packaged';
/** Directories that are ours, deepest first. */
export const AGENT_DIRS = ['/opt/lastember', '/etc/lastember'] as const;
