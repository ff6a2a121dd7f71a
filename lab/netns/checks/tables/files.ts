import type { Group, Trial } from '../spec.ts';

const mode = (check: string, component: string, bad = '0666', prepare = ''): Trial => ({
  check: `linux-baseline/${check}`,
  component,
  bad: `${prepare}chmod ${bad} ${component}`,
});

export const MODES: Group = {
  title: 'whose files are whose',
  trials: [
    mode('system-file-modes', '/etc/login.defs'),
    mode('shadow-mode', '/etc/shadow', '0644'),
    mode('account-copy-modes', '/etc/passwd-', '0666', 'cp /etc/passwd /etc/passwd-; '),
    mode('shadow-copy-modes', '/etc/shadow-', '0644', 'cp /etc/shadow /etc/shadow-; '),
    mode('shells-mode', '/etc/shells'),
    mode('opasswd-mode', '/etc/security/opasswd', '0644', 'touch /etc/security/opasswd; '),
    mode('sshd-config-mode', '/etc/ssh/sshd_config', '0644'),
    mode('grub-mode', '/boot/grub/grub.cfg', '0644', 'mkdir -p /boot/grub; touch /boot/grub/grub.cfg; '),
    mode('crontab-mode', '/etc/crontab', '0644'),
    ...['d', 'daily', 'hourly', 'monthly', 'weekly'].map((name) =>
      mode('cron-directory-modes', `/etc/cron.${name}`, '0755'),
    ),
    mode('login-message-modes', '/etc/motd'),
    mode('auditd-config-mode', '/etc/audit/auditd.conf', '0644'),
    mode('audit-log-directory-mode', '/var/log/audit', '0755', 'mkdir -p /var/log/audit; '),
    mode('root-home-mode', '/root', '0755'),
    mode('log-directory-mode', '/var/log', '0777'),
    {
      ...mode('private-key-mode', '/etc/ssl/private/lab.key', '0644'),
      bad: 'openssl genpkey -algorithm ed25519 -out /etc/ssl/private/lab.key 2>/dev/null; chmod 0644 /etc/ssl/private/lab.key',
    },
    { ...mode('sticky-directories', '/var/tmp', '0777'), byHand: 'chmod 1777 /var/tmp' },
    {
      check: 'linux-baseline/cron-allow',
      bad: 'rm -f /etc/cron.allow',
      byHand: 'echo root >/etc/cron.allow; chmod 0640 /etc/cron.allow',
    },
    {
      check: 'linux-baseline/at-allow',
      bad: 'rm -f /etc/at.allow',
      byHand: 'echo root >/etc/at.allow; chmod 0640 /etc/at.allow',
    },
  ],
};

const without = (check: string, path: string, line: string, byHand?: string): Trial => ({
  check: `linux-baseline/${check}`,
  bad: `sed -i -E '/${line}/d' ${path}`,
  ...(byHand === undefined ? {} : { byHand }),
});

const DEFS = '/etc/login.defs';
const PWQUALITY = '/etc/security/pwquality.conf';
const FAILLOCK = '/etc/security/faillock.conf';
const AUDITD = '/etc/audit/auditd.conf';

export const SETTINGS: Group = {
  title: 'settings in files',
  // PAM's files are for a person; what they do wrong would keep sudo from us.
  trials: [
    { check: 'linux-baseline/default-password-age', bad: `sed -i 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 99999/' ${DEFS}` },
    { check: 'linux-baseline/default-password-wait', bad: `sed -i 's/^PASS_MIN_DAYS.*/PASS_MIN_DAYS 0/' ${DEFS}` },
    { check: 'linux-baseline/default-password-warning', bad: `sed -i 's/^PASS_WARN_AGE.*/PASS_WARN_AGE 3/' ${DEFS}` },
    { check: 'linux-baseline/default-password-hash', bad: `sed -i 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD MD5/' ${DEFS}` },
    { check: 'linux-baseline/default-umask', bad: `sed -i 's/^UMASK.*/UMASK 022/' ${DEFS}` },
    without('default-inactive', '/etc/default/useradd', '^INACTIVE'),
    without('password-length', PWQUALITY, '^ *minlen'),
    without('password-difference', PWQUALITY, '^ *difok'),
    without('password-repetition', PWQUALITY, '^ *maxrepeat'),
    without('lockout-tries', FAILLOCK, '^ *deny'),
    without('lockout-time', FAILLOCK, '^ *unlock_time'),
    {
      check: 'linux-baseline/audit-space',
      bad: `sed -i 's/^space_left_action.*/space_left_action = SYSLOG/' ${AUDITD}`,
    },
    {
      check: 'linux-baseline/audit-disk-error',
      bad: `sed -i 's/^disk_error_action.*/disk_error_action = SUSPEND/' ${AUDITD}`,
    },
    {
      check: 'linux-baseline/audit-disk-full',
      bad: `sed -i 's/^disk_full_action.*/disk_full_action = SUSPEND/' ${AUDITD}`,
      byHand: `sed -i 's/^disk_full_action.*/disk_full_action = halt/' ${AUDITD}`,
    },
    {
      check: 'linux-baseline/audit-log-kept',
      bad: `sed -i 's/^max_log_file_action.*/max_log_file_action = ROTATE/' ${AUDITD}`,
      byHand: `sed -i 's/^max_log_file_action.*/max_log_file_action = keep_logs/' ${AUDITD}`,
    },
    {
      check: 'linux-baseline/login-message-tells',
      component: '/etc/issue.net',
      bad: `echo 'Debian GNU/Linux 12' >/etc/issue.net`,
    },
    {
      check: 'linux-baseline/journal-on-disk',
      // The lab has no journal: a unit of its name is what gets restarted.
      bad: `printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/systemd-journald.service
systemctl start systemd-journald; printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf`,
    },
    { check: 'linux-baseline/journal-compressed', bad: 'echo Compress=no >>/etc/systemd/journald.conf' },
    {
      check: 'linux-baseline/core-dumps-kept',
      bad: `printf '[Coredump]\\nStorage=external\\n' >/etc/systemd/coredump.conf`,
    },
    without(
      'password-quality',
      '/etc/pam.d/common-password',
      'pam_pwquality',
      `sed -i '1i password requisite pam_pwquality.so retry=3' /etc/pam.d/common-password`,
    ),
    without(
      'password-history',
      '/etc/pam.d/common-password',
      'pam_pwhistory',
      `sed -i '1i password required pam_pwhistory.so remember=5 use_authtok' /etc/pam.d/common-password`,
    ),
    without(
      'login-lockout',
      '/etc/pam.d/common-auth',
      'pam_faillock',
      `sed -i '1i auth required pam_faillock.so preauth' /etc/pam.d/common-auth`,
    ),
    {
      check: 'linux-baseline/pam-nullok',
      bad: `sed -i '/^auth.*pam_unix.so/s/$/ nullok/' /etc/pam.d/common-auth`,
      byHand: `sed -i '/^auth.*pam_unix.so/s/ nullok//g' /etc/pam.d/common-auth`,
    },
    without(
      'su-group',
      '/etc/pam.d/su',
      '^auth +required +pam_wheel',
      `echo 'auth required pam_wheel.so use_uid group=sudo' >>/etc/pam.d/su`,
    ),
  ],
};
