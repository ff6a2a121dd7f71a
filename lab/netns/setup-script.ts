import { SETUP_OF_MACHINE } from './machine/seed.ts';
import type { Account, HostSpec } from './spec.ts';

/** What a host does once, inside, with its own programs: keys of its own, accounts, and what its table entry says. */
export function setupScript(spec: HostSpec, publicKey: string): string {
  const lines = ['#!/bin/bash', 'umask 022'];
  lines.push('if [ -d /etc/ssh ] && command -v ssh-keygen >/dev/null; then ssh-keygen -A >/dev/null; fi');
  lines.push('cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id');
  if (spec.root.password) lines.push(password('root', spec.root.password), setting('PermitRootLogin', 'yes'));
  else lines.push(setting('PermitRootLogin', spec.root.key ? 'prohibit-password' : 'no'));
  if (spec.root.key) lines.push(authorize('root', '/root', publicKey));
  for (const account of spec.accounts ?? []) lines.push(...addAccount(account, publicKey));
  if (spec.setup) lines.push(spec.setup);
  lines.push(onlyServices(spec.services));
  if (spec.machine) lines.push(SETUP_OF_MACHINE);
  return `${lines.join('\n')}\n`;
}

function addAccount(account: Account, publicKey: string): string[] {
  const { name } = account;
  const lines = [`useradd --create-home --shell /bin/bash ${name}`];
  if (account.password) lines.push(password(name, account.password));
  if (account.key) lines.push(authorize(name, `/home/${name}`, publicKey));
  if (account.sudo) {
    const tag = account.sudo === 'no password' ? 'NOPASSWD: ' : '';
    const rule = `${name} ALL=(ALL:ALL) ${tag}ALL`;
    lines.push(`echo '${rule}' >/etc/sudoers.d/${name}`, `chmod 440 /etc/sudoers.d/${name}`);
  }
  return lines;
}

/** The release has software that this host has no use for. */
const onlyServices = (names: readonly string[]): string => `for link in /etc/rc[2-5].d/S*; do
  name=\${link##*/S??}
  case " ${names.join(' ')} sudo " in *" $name "*) continue ;; esac
  mv "$link" "\${link%/S*}/K01$name"
  rm -f /etc/systemd/system/*.wants/"$name.service" "/etc/runlevels/default/$name"
done`;

const password = (name: string, text: string): string => `echo '${name}:${text}' | chpasswd`;

const authorize = (name: string, home: string, publicKey: string): string =>
  `install -d -m 700 -o ${name} -g ${name} ${home}/.ssh
echo '${publicKey}' >${home}/.ssh/authorized_keys
chown ${name}:${name} ${home}/.ssh/authorized_keys
chmod 600 ${home}/.ssh/authorized_keys`;

/** sshd takes the first value that it meets, so ours goes on top. */
const setting = (name: string, value: string): string =>
  `if [ -e /etc/ssh/sshd_config ]; then sed -i '1i ${name} ${value}' /etc/ssh/sshd_config; fi`;
