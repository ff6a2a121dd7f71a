import { normalize } from 'node:path';
import { AppError } from '../../model/errors/index.ts';

/**
 * Not even an approved plan may change whom the agent trusts and what starts it, or write to devices and kernel interfaces.
 * Where nothing else starts it at boot, /etc/rc.local does.
 */
const OFF_LIMITS =
  /^\/(?:etc\/lastember|var\/lib\/lastember|opt\/lastember|proc|sys|dev)(?:\/|$)|^\/(?:etc\/(?:systemd\/system(?:\/multi-user\.target\.wants)?|init\.d|cron\.d|logrotate\.d|default)|(?:usr\/)?lib\/systemd\/system|usr\/bin)\/lastember-agent(?:\.service)?(?:\/|\.|$)|^\/etc\/(?:rc\.d\/)?rc\.local$|^\/etc\/(?:runlevels\/[^/]+\/|(?:rc\.d\/)?rc\w\.d\/[SK]\d\d)lastember-agent$/;

export function guardPath(path: string): string {
  const plain = path.startsWith('/') && normalize(path) === path && !path.endsWith('/') && !path.includes('\0');
  if (!plain || OFF_LIMITS.test(path)) throw new AppError('STEP_PATH', { path });
  return path;
}
