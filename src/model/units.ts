/**
 * Units that no plan restarts: our own agent, which carries the plan out; and those whose restart ends sessions or the
 * service manager's own ways. They run the new files after the next boot.
 */
const KEPT = /^(?:lastember-agent|dbus(?:-broker)?|systemd-.*|polkit|(?:serial-)?getty@.*|user@.*)(?:\.service)?$/;

const AGENT = /^lastember-agent(?:\.service)?$/;
export const isAgentUnit = (unit: string): boolean => AGENT.test(unit);

export const mayRestart = (unit: string): boolean => !KEPT.test(unit);

/** What only a boot renews: the first process, and the services that everything else hangs on. */
const UNTIL_BOOT = /^(?:dbus(?:-broker)?|systemd-.*|polkit)(?:\.service)?$/;

export const runsUntilBoot = ({ pid, unit }: { pid: number; unit: string | null }): boolean =>
  pid === 1 || (unit !== null && UNTIL_BOOT.test(unit));
