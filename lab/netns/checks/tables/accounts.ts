import type { Group, Trial } from '../spec.ts';

/** An account of the check's own, so that no trial is about what another one made. */
const account = (check: string, name: string, bad: string, byHand?: string): Trial => ({
  check: `linux-baseline/${check}`,
  component: name,
  bad,
  ...(byHand === undefined ? {} : { byHand }),
});

const hash = (name: string, value: string): string => `usermod --password '${value}' ${name}`;
/** of the password `lab`, with a salt of its own */
const WEAK = '$1$lab$1pTxX9Z0z5g1oqzE6CUyF0';
const GOOD = '$6$lab$Pa9zr8QXj3XcLkGZPYb0yqk9m8hX6oJwHqJ3bcWvS9aJ7yF8U2n0kzj1R2vLqKxXJm2mY7bF0dP3GkE5QwT1s/';

export const ACCOUNTS: Group = {
  title: 'accounts and passwords',
  trials: [
    account('uid-zero', 'toor', 'useradd --non-unique --uid 0 toor', `sed -i '/^toor:/d' /etc/passwd /etc/shadow`),
    account('root-group', 'root', 'usermod --gid 1 root', 'usermod --gid 0 root'),
    account('group-zero', 'zed', 'useradd --gid 0 zed', 'usermod --gid users zed'),
    account('empty-password', 'nopass', 'useradd nopass; passwd --quiet --delete nopass'),
    account('weak-password-hash', 'weak', `useradd weak; ${hash('weak', WEAK)}`, hash('weak', GOOD)),
    account(
      'password-age',
      'old',
      `useradd old; ${hash('old', GOOD)}; chage --maxdays 99999 old`,
      'chage --maxdays 365 old',
    ),
    account(
      'password-changed-in-future',
      'later',
      `useradd later; ${hash('later', GOOD)}; chage --lastday 2199-01-01 later`,
      'chage --lastday 0 later',
    ),
    account(
      'service-account-shell',
      'daemond',
      'useradd --system --shell /bin/bash daemond',
      'usermod --shell /usr/sbin/nologin daemond',
    ),
    account(
      'open-account-without-shell',
      'closed',
      `useradd --shell /usr/sbin/nologin closed; ${hash('closed', GOOD)}`,
      'usermod --lock closed',
    ),
    account('home-modes', 'open', 'useradd --create-home open; chmod 0755 /home/open', 'chmod 0750 /home/open'),
    account('home-owner', 'other', 'useradd --create-home other; chown root /home/other', 'chown other /home/other'),
    account('home-missing', 'away', 'useradd --no-create-home --shell /bin/bash away', 'mkhomedir_helper away'),
    account(
      'double-uid',
      'accounts',
      'useradd twin; useradd --non-unique --uid $(id -u twin) twin2',
      'usermod --uid 60711 twin2',
    ),
    account(
      'double-account',
      'accounts',
      `echo 'twin:x:60712:100::/:/bin/false' >>/etc/passwd`,
      `sed -i '/:60712:/d' /etc/passwd`,
    ),
    account(
      'double-gid',
      'groups',
      'groupadd pair; groupadd --non-unique --gid $(getent group pair | cut -d: -f3) pair2',
      'groupmod --gid 60713 pair2',
    ),
    account('double-group', 'groups', `echo 'pair:x:60714:' >>/etc/group`, `sed -i '/:60714:/d' /etc/group`),
    account(
      'shadow-group',
      'shadow',
      'usermod --append --groups shadow twin',
      'gpasswd --delete twin shadow >/dev/null',
    ),
    account(
      'group-of-nobody',
      'lone',
      `useradd lone; sed -i -E 's/^(lone:x:[0-9]+):[0-9]+/\\1:60715/' /etc/passwd`,
      'groupadd --gid 60715 lonely',
    ),
  ],
};

const FILE = '/etc/sudoers.d/lab';
const append = (text: string): string => `echo '${text}' >>${FILE}; chmod 0440 ${FILE}`;
const defaults = (check: string, bad: string, byHand: string): Trial => ({
  check: `linux-baseline/${check}`,
  bad,
  byHand,
});

export const SUDO: Group = {
  title: 'who may become root',
  trials: [
    defaults('sudo-pty', `sed -i '/use_pty/d' /etc/sudoers`, append('Defaults use_pty')),
    defaults('sudo-log', `rm -f ${FILE}`, append('Defaults logfile=/var/log/sudo.log')),
    defaults('sudo-no-authenticate', append('Defaults:eve !authenticate'), `sed -i '/!authenticate/d' ${FILE}`),
    defaults('sudo-memory', append('Defaults timestamp_timeout=60'), `sed -i 's/timeout=60/timeout=5/' ${FILE}`),
    {
      check: 'linux-baseline/sudo-without-password',
      component: 'eve',
      bad: `useradd eve; ${append('eve ALL=(ALL:ALL) NOPASSWD: ALL')}`,
      byHand: `sed -i 's/NOPASSWD: //' ${FILE}`,
    },
  ],
};
