import type { Group, Trial } from '../spec.ts';

const SCAP = '/srv/scap';
const RESULTS = '/var/log/openscap';

/** Rules of a benchmark of the operators' own: files that give whoever writes them a way in. */
const RULES: readonly (readonly [name: string, severity: string, path: string])[] = [
  ['no_rhosts', 'high', '/root/.rhosts'],
  ['no_hosts_equiv', 'medium', '/etc/hosts.equiv'],
  ['no_shosts_equiv', 'low', '/etc/ssh/shosts.equiv'],
  ['no_netrc', 'unknown', '/root/.netrc'],
];

const OVAL = 'http://oval.mitre.org/XMLSchema';
const definitions = `<oval_definitions xmlns="${OVAL}/oval-definitions-5" xmlns:oval="${OVAL}/oval-common-5" xmlns:unix="${OVAL}/oval-definitions-5#unix">
<generator><oval:schema_version>5.11</oval:schema_version><oval:timestamp>2026-01-01T00:00:00</oval:timestamp></generator>
<definitions>${RULES.map(([name], n) => `<definition class="compliance" id="oval:lab:def:${n + 1}" version="1"><metadata><title>${name}</title><description>${name}</description></metadata><criteria><criterion test_ref="oval:lab:tst:${n + 1}"/></criteria></definition>`).join('\n')}</definitions>
<tests>${RULES.map(([name], n) => `<unix:file_test id="oval:lab:tst:${n + 1}" version="1" check="all" check_existence="none_exist" comment="${name}"><unix:object object_ref="oval:lab:obj:${n + 1}"/></unix:file_test>`).join('\n')}</tests>
<objects>${RULES.map(([, , path], n) => `<unix:file_object id="oval:lab:obj:${n + 1}" version="1"><unix:filepath>${path}</unix:filepath></unix:file_object>`).join('\n')}</objects>
</oval_definitions>`;

/** `platform`: of which systems it says something. */
const benchmark = (platform = ''): string => `<?xml version="1.0" encoding="UTF-8"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_lab_benchmark_LAB" resolved="1" xml:lang="en">
<status>accepted</status><title>Ways in</title>${platform}<version>1</version>
<Profile id="xccdf_lab_profile_all"><title>All</title></Profile>
${RULES.map(([name, severity], n) => `<Rule id="xccdf_lab_rule_${name}" selected="true" severity="${severity}"><title>${name}</title><check system="${OVAL}/oval-definitions-5"><check-content-ref href="ways.oval.xml" name="oval:lab:def:${n + 1}"/></check></Rule>`).join('\n')}
</Benchmark>`;
const OTHER_SYSTEM = '<platform idref="cpe:/o:redhat:enterprise_linux:6"/>';

const write = (path: string, text: string): string => `cat >${path} <<'EOF'\n${text}\nEOF`;
const CONTENT = `mkdir -p ${SCAP} ${RESULTS}
${write(`${SCAP}/ways.oval.xml`, definitions)}
${write(`${SCAP}/ours.xml`, benchmark())}
${write(`${SCAP}/others.xml`, benchmark(OTHER_SYSTEM))}`;

/** It ends with 2 where a rule fails. */
const evaluate = (content: string, results: string): string =>
  `{ oscap xccdf eval --profile xccdf_lab_profile_all --results ${RESULTS}/${results}.xml ${SCAP}/${content}.xml >/srv/oscap.log 2>&1 || [ $? = 2 ]; }`;

const rule = ([name, severity, path]: (typeof RULES)[number]): Trial => ({
  check: `oscap/oscap-${severity === 'unknown' ? 'info' : severity}`,
  component: name,
  bad: `touch ${path}`,
  byHand: `rm ${path}; ${evaluate('ours', 'ours')}`,
});

/** Ours last: of results that name the same rules, the newest count. */
export const OSCAP: Group = {
  title: 'what oscap found',
  settle: `${CONTENT}
${evaluate('others', 'second')} && ${evaluate('ours', 'ours')}
head -c 500 ${RESULTS}/ours.xml >${RESULTS}/cut.xml`,
  trials: [
    ...RULES.map(rule),
    {
      check: 'oscap/content-fits',
      component: `${RESULTS}/second.xml`,
      bad: '',
      byHand: evaluate('ours', 'second'),
    },
    { check: 'oscap/results-read', bad: '', byHand: evaluate('ours', 'cut') },
  ],
};

const REPORT = '/var/log/lynis-report.dat';
const TESTS = 'AUTH-9204 AUTH-9328';
const AUDIT = `rm -f ${REPORT}; lynis audit system --quick --quiet --no-colors --tests '${TESTS}' >/srv/lynis.log 2>&1; test -s ${REPORT}`;

export const LYNIS: Group = {
  title: 'what Lynis warns of',
  settle: AUDIT,
  trials: [
    {
      check: 'lynis/lynis-medium',
      component: 'AUTH-9204',
      bad: 'useradd --non-unique --uid 0 second',
      byHand: `sed -i '/^second:/d' /etc/passwd /etc/shadow`,
    },
    {
      check: 'lynis/lynis-low',
      component: 'AUTH-9328',
      bad: `sed -i 's/^UMASK.*/UMASK 022/' /etc/login.defs`,
      byHand: `sed -i 's/^UMASK.*/UMASK 027/' /etc/login.defs; ${AUDIT}`,
    },
  ],
};

export const LYNIS_OPEN: Group = {
  title: 'a report of Lynis that others may write',
  trials: [{ check: 'lynis/results-read', bad: `chmod 0666 ${REPORT}`, byHand: AUDIT }],
};
