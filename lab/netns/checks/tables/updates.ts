import type { Group } from '../spec.ts';
import { outdated, publish } from './archives.ts';

const DIR = '/srv/security';
const update = (name: string): string =>
  outdated({ name, version: '1.0', dir: DIR }, { name, version: '1.1', dir: DIR });

/** The release's own archives are put away, so that what is pending is what was made so. */
const ASIDE = '/srv/sources';
const ALONE = `mkdir -p ${ASIDE} && mv /etc/apt/sources.list.d/* ${ASIDE}`;
const BACK = `dpkg --purge pending-lab kept-lab pinned-lab >/dev/null; rm -f /etc/apt/sources.list.d/*; mv ${ASIDE}/* /etc/apt/sources.list.d`;

export const UPDATES: Group = {
  title: 'security updates',
  settle: `${ALONE}; ${publish({ dir: DIR, origin: 'Debian', label: 'Debian-Security', suite: '-security' })}; apt-get -qq update`,
  trials: [
    { check: 'security-updates/security-updates-pending', bad: update('pending-lab') },
    {
      check: 'security-updates/security-updates-kept-away',
      component: 'kept-lab',
      bad: `${update('kept-lab')}; apt-mark hold kept-lab >/dev/null`,
      byHand: 'apt-mark unhold kept-lab >/dev/null; apt-get -qq -y install kept-lab >/dev/null',
    },
    {
      check: 'security-updates/security-updates-kept-away',
      component: 'pinned-lab',
      bad: `${update('pinned-lab')}; printf 'Package: pinned-lab\\nPin: version 1.0\\nPin-Priority: 1001\\n' >/etc/apt/preferences.d/pinned`,
      byHand: 'rm /etc/apt/preferences.d/pinned; apt-get -qq -y install pinned-lab >/dev/null',
    },
  ],
};

/** What says when apt last asked. */
const ASKED = '/var/lib/apt/lists /var/lib/apt/lists/partial /var/lib/apt/periodic/update-success-stamp';

export const ASKED_LONG_AGO: Group = {
  title: 'lists of security updates that are old',
  trials: [
    {
      check: 'security-updates/security-updates-not-looked-for',
      bad: `for path in ${ASKED}; do [ ! -e $path ] || touch -d '9 days ago' $path; done`,
      byHand: 'apt-get -qq update',
    },
  ],
};

export const ASKED_NOWHERE: Group = {
  title: 'no archive of security updates',
  trials: [
    {
      check: 'security-updates/security-updates-not-looked-for',
      bad: 'mv /etc/apt/sources.list.d/*security* /srv; apt-get -qq update',
      byHand: 'mv /srv/*security*.list /etc/apt/sources.list.d; apt-get -qq update',
    },
  ],
  tidy: BACK,
};

/** Half a year before the last day of this release. Nobody is moved to another one here: it only calls itself newer. */
export const LAST_MONTHS: Group = {
  title: 'the last half year of a release',
  asOf: '2028-05-01T12:00:00.000Z',
  trials: [
    {
      check: 'end-of-life/os-support-ends',
      bad: '',
      byHand: `sed -i.before 's/^VERSION_ID=.*/VERSION_ID="13"/' /etc/os-release`,
    },
  ],
  tidy: 'mv /etc/os-release.before /etc/os-release',
};
