import { zip } from '../../../../src/host/inventories/testing.ts';
import type { Group, Trial } from '../spec.ts';
import { INDEX, outdated } from './archives.ts';
import { FIXED_RUNTIME, https, OLD_RUNTIME, start, stop } from './listeners.ts';
import { unitOf } from './services.ts';

const SHOP = '/srv/shop';
const PORT = 1098;

/** An archive that says of itself what Maven writes into each of Log4j. */
const log4j = (version: string): Buffer =>
  zip({
    'META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties': `version=${version}\ngroupId=org.apache.logging.log4j\nartifactId=log4j-core\n`,
  });

const put = (path: string, bytes: Buffer): string => `echo ${bytes.toString('base64')} | base64 -d >${path}`;

/** A server of Java's own that goes on until it is stopped, with the shop's archives on its class path. */
const JAVA = start(PORT, `java -Xmx32m -cp ${SHOP}/log4j-core.jar -m java.rmi/sun.rmi.registry.RegistryImpl ${PORT}`);
const RESTART = `${stop(PORT)}; ${JAVA} && sleep 1`;

export const JAVA_PROGRAMS: Group = {
  title: 'what Java programs bring along',
  settle: `${JAVA} && sleep 2`,
  trials: [
    {
      check: 'log4shell/log4j-in-use',
      component: `${SHOP}/log4j-core.jar`,
      bad: `mkdir -p ${SHOP}; ${put(`${SHOP}/log4j-core.jar`, log4j('2.14.1'))}`,
      byHand: `${put(`${SHOP}/log4j-core.jar`, log4j('2.17.1'))}; ${RESTART}`,
    },
    {
      check: 'log4shell/log4j-not-looked-at',
      // It was cut off when it was copied.
      bad: put(`${SHOP}/reports.jar`, log4j('2.14.1').subarray(0, 100)),
      byHand: `${put(`${SHOP}/reports.jar`, log4j('2.17.1'))}; ${RESTART}`,
    },
  ],
};

const OWN_COPY = '/srv/shop-node';
const WHERE = {
  where: `test -x ${OLD_RUNTIME}`,
  else: 'the old runtime could not be fetched, and nothing younger bleeds',
};

const COPY: Trial = {
  check: 'heartbleed/heartbleed-outside-packages',
  component: OWN_COPY,
  bad: `cp ${OLD_RUNTIME} ${OWN_COPY} && ${https(8464)} && ${start(8464, `${OWN_COPY} /srv/8464.js`)}`,
  byHand: `${stop(8464)}; cp ${FIXED_RUNTIME} ${OWN_COPY} && ${start(8464, `${OWN_COPY} /srv/8464.js`)} && sleep 1`,
  ...WHERE,
};

const BUILDS = '/usr/lib/bleeding-lab';
const runtime = (from: string): string => `mkdir -p $d${BUILDS}; cp ${from} $d${BUILDS}/node`;

/** The server bleeds, and the package that it runs from has a newer version. Keys and certificates are the demo's to show. */
const BLEEDING = `${outdated(
  { name: 'bleeding-lab', source: 'nodejs', version: '0.10.0', files: runtime(OLD_RUNTIME) },
  { name: 'bleeding-lab', source: 'nodejs', version: '0.10.48', files: runtime(FIXED_RUNTIME) },
)}
${https(8465)} && ${unitOf('bleeding-lab', `${BUILDS}/node /srv/8465.js`)} && systemctl start bleeding-lab`;

export const HEARTBLEED: Group = {
  title: 'Heartbleed',
  settle: `${INDEX}; sleep 2`,
  trials: [
    COPY,
    { check: 'heartbleed/heartbleed-probe', port: 8465, bad: BLEEDING, ...WHERE },
    { check: 'heartbleed/heartbleed-package', component: 'bleeding-lab', bad: '', ...WHERE },
  ],
  ports: [8464, 8465],
};

const SSHD = '/usr/sbin/sshd-lab';
/** Debian’s own with the words taken out by which both sides agree to number packets anew: as it was before it had them. */
const STRIPPED = `mkdir -p $d/usr/sbin; LC_ALL=C sed 's/kex-strict-\\([cs]\\)-v00/kex-absent-\\1-v00/g' /usr/sbin/sshd >$d${SSHD}; chmod 755 $d${SSHD}; ! cmp -s /usr/sbin/sshd $d${SSHD}`;
const WHOLE = `mkdir -p $d/usr/sbin; cp /usr/sbin/sshd $d${SSHD}`;

export const TERRAPIN: Group = {
  title: 'an SSH server that does not number packets anew',
  settle: `${INDEX}; sleep 1`,
  trials: [
    {
      check: 'terrapin/terrapin-probe',
      port: 2222,
      bad: `${outdated(
        { name: 'sshd-lab', source: 'openssh', version: '1:9.2p1-2', files: STRIPPED },
        { name: 'sshd-lab', source: 'openssh', version: '1:9.2p1-2+deb12u3', files: WHOLE },
      )}
${unitOf('sshd-lab', `${SSHD} -D -p 2222 -o PidFile=none`)} && systemctl start sshd-lab`,
    },
  ],
  ports: [2222],
  tidy: 'systemctl stop sshd-lab; dpkg --purge sshd-lab >/dev/null',
};
