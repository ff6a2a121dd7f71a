import type { Group, Trial } from '../spec.ts';
import { start, stop } from './listeners.ts';

const line = (text: string): string => `sed -i '1i ${text}' /etc/ssh/sshd_config`;

/** sshd takes the first value that it meets. */
const sshd = (check: string, setting: string, byHand?: string): Trial => ({
  check: `linux-baseline/sshd-${check}`,
  bad: line(setting),
  ...(byHand === undefined ? {} : { byHand: `${line(byHand)} && service ssh restart` }),
});

export const SSHD: Group = {
  title: 'settings of sshd',
  settle: 'service ssh restart',
  trials: [
    sshd('root-login', 'PermitRootLogin yes'),
    sshd('password-login', 'PasswordAuthentication yes'),
    sshd('empty-passwords', 'PermitEmptyPasswords yes'),
    sshd('x11-forwarding', 'X11Forwarding yes'),
    sshd('max-auth-tries', 'MaxAuthTries 6'),
    sshd('hostbased-login', 'HostbasedAuthentication yes'),
    sshd('rhosts', 'IgnoreRhosts no'),
    sshd('user-environment', 'PermitUserEnvironment yes'),
    sshd('without-pam', 'UsePAM no'),
    sshd('login-grace-time', 'LoginGraceTime 120'),
    sshd('log-level', 'LogLevel QUIET'),
    sshd('max-sessions', 'MaxSessions 20'),
    sshd('max-startups', 'MaxStartups 100:30:200'),
    sshd('idle-sessions', 'ClientAliveInterval 0'),
    sshd('banner', 'Banner none'),
    sshd('gssapi', 'GSSAPIAuthentication yes', 'GSSAPIAuthentication no'),
    sshd('forwarding', 'AllowTcpForwarding yes', 'DisableForwarding yes'),
    sshd('anybody-with-an-account', 'AllowAgentForwarding yes', 'AllowUsers ops root'),
  ],
};

const offered = (check: string, setting: string): Trial => ({ check: `ssh-hardening/${check}`, bad: line(setting) });

export const SSH_OFFERED: Group = {
  title: 'what sshd offers',
  settle: 'service ssh restart',
  ports: [22],
  trials: [
    offered('weak-key-exchange', 'KexAlgorithms +diffie-hellman-group1-sha1'),
    offered('weak-ciphers', 'Ciphers +aes128-cbc'),
    offered('weak-macs', 'MACs +hmac-md5'),
    offered('password-login', 'PasswordAuthentication yes'),
    {
      check: 'ssh-hardening/weak-host-keys',
      bad: line('HostKeyAlgorithms ssh-rsa'),
      byHand: `sed -i '/^HostKeyAlgorithms/d' /etc/ssh/sshd_config && ssh-keygen -A && service ssh restart`,
    },
  ],
};

/** Beside the host's own, which stays as it is. */
const server = (emptyPasswords: string): string =>
  `printf 'Port 2223\\nPermitRootLogin yes\\nPasswordAuthentication yes\\nPermitEmptyPasswords ${emptyPasswords}\\nUsePAM no\\nPidFile none\\n' >/srv/sshd_config && ${start(2223, '/usr/sbin/sshd -D -e -f /srv/sshd_config')}`;

export const SSH_OPEN: Group = {
  title: 'an SSH server that lets in whoever asks',
  settle: 'sleep 1',
  ports: [2223],
  trials: [
    {
      check: 'ssh-hardening/open-login',
      port: 2223,
      bad: `cp -p /etc/shadow /srv/shadow; passwd --quiet --delete root; ${server('yes')}`,
      byHand: `cp -p /srv/shadow /etc/shadow; ${stop(2223)}; ${server('no')} && sleep 1`,
    },
  ],
  tidy: stop(2223),
};
