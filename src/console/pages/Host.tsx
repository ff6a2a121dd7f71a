import { Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { MAY, type Role } from '../../model/actor.ts';
import { endpointName } from '../../model/endpoint-name.ts';
import type { Endpoint, Host, HostDetail } from '../../model/estate.ts';
import { CLOSED, type FindingNow } from '../../model/finding.ts';
import { type DeviceGuess, guessInWords, reasonInWords } from '../../model/guess.ts';
import type { TlsProbe } from '../../model/probe.ts';
import { insideInWords, serviceInWords } from '../../model/probe-words.ts';
import { useClaimHost, useDependencies, useHostFindings, useHost, useMe, useTrail } from '../api/hooks.ts';
import { useLastSeen } from '../api/use-last-seen.ts';
import { bannerInWords } from '../../model/banner-words.ts';
import { ClaimBadge, ManagementBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { EntryList } from '../components/EntryList.tsx';
import { FindingDrawer } from '../components/FindingDrawer.tsx';
import { FindingTable, worstFirst } from '../components/FindingTable.tsx';
import { Fold } from '../components/Fold.tsx';
import { HostSnaps } from '../components/HostSnaps.tsx';
import { HostVulnerabilities } from '../components/HostVulnerabilities.tsx';
import { HostVerdicts } from '../components/HostVerdicts.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Terms } from '../components/Terms.tsx';
import { Time } from '../components/Time.tsx';
import { isMissing } from '../api/missing.ts';
import { paths } from '../paths.ts';
import { useOpenFinding } from '../search.ts';
import { NoSuch } from './NotFound.tsx';

export function HostPage() {
  const { id } = useParams({ strict: false });
  const host = useHost(id!);
  if (isMissing(host.error)) return <NoSuch what="host" to={paths.hosts()} />;
  return <Loaded query={host}>{(data) => <HostView {...data} />}</Loaded>;
}

function HostView({ host, endpoints, device }: Pick<HostDetail, 'host' | 'endpoints' | 'device'>) {
  const me = useMe().data;
  const claim = useClaimHost(host.id);
  const mayClaim = host.claim === 'unknown' && me !== undefined && (MAY.operate as readonly Role[]).includes(me.role);
  return (
    <Page
      title={host.name}
      lead={
        host.shared
          ? `No machine but a ${host.shared.kind}: ${host.shared.why}.`
          : (host.guess ?? host.addresses.join(', '))
      }
      actions={
        mayClaim ? (
          <Button onClick={() => claim.mutate()} loading={claim.isPending}>
            Claim
          </Button>
        ) : null
      }
    >
      {claim.error ? <Problem error={claim.error} /> : null}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Identity host={host} device={device} />
        <Neighbourhood host={host} />
      </SimpleGrid>
      <HostFindings host={host} />
      <HostVulnerabilities host={host} />
      <HostSnaps hostId={host.id} />
      <HostVerdicts hostId={host.id} />
      <Endpoints endpoints={endpoints} />
      <History host={host} />
    </Page>
  );
}

/** Each with its weight, so that nobody has to believe the number. */
function Device({ device }: { device: DeviceGuess }) {
  const words = guessInWords(device);
  if (words === null) return null;
  return (
    <Fold title={`Probably ${words}`}>
      {device.reasons.map((reason) => (
        <Text size="sm" key={`${reason.about} ${reason.value} ${reason.why}`}>
          {reasonInWords(reason)}
        </Text>
      ))}
    </Fold>
  );
}

function Identity({ host, device }: { host: Host; device: DeviceGuess }) {
  const last = useLastSeen()(host);
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Who this is
      </Title>
      <Stack gap={6}>
        <Group gap="xs">
          <ClaimBadge host={host} />
          <ManagementBadge host={host} />
          {Object.entries(host.tags).map(([key, value]) => (
            <Code key={key}>
              {key}={value}
            </Code>
          ))}
        </Group>
        <Text size="sm">
          {last ? (
            <>
              Seen by {host.sources.join(', ')}; first <Time at={host.firstSeen} />, last <Time at={last} />
            </>
          ) : (
            <>
              Never seen; listed by {host.sources.join(', ')}, first <Time at={host.firstSeen} />
            </>
          )}
        </Text>
        {host.claim === 'ignored' ? (
          <Text size="sm">
            Set aside until {host.ignoredUntil ? <Time at={host.ignoredUntil} mode="date" /> : 'somebody claims it'};
            why, the trail says below.
          </Text>
        ) : null}
        <Device device={device} />
        {host.note ? <Note text={host.note} /> : null}
        {host.agentId ? (
          <Text size="sm">
            Agent {host.agentVersion} <Code>{host.agentId}</Code>
          </Text>
        ) : null}
        <Terms
          items={[
            ['addresses', host.addresses.map(inLetters)] as const,
            ...[...Map.groupBy(host.identifiers, ({ kind }) => kind)].map(
              ([kind, all]) => [kind, all.map(({ value }) => inLetters(value))] as const,
            ),
          ]}
        />
      </Stack>
    </Paper>
  );
}

const inLetters = (value: string) => (
  <div key={value} className="mono">
    {value}
  </div>
);

/** Written by the system, sometimes with the id of a record that is gone: that is for the trail, not for reading. */
function Note({ text }: { text: string }) {
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      {text.replace(/ \(host_[a-z0-9]+\)/g, '')}
    </Text>
  );
}

function Neighbourhood({ host }: { host: Host }) {
  const dependencies = useDependencies();
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Who depends on whom
      </Title>
      <Loaded query={dependencies}>
        {(all) => {
          const callers = all.filter((d) => d.serverHostId === host.id);
          const callees = all.filter((d) => d.clientHostId === host.id);
          if (callers.length + callees.length === 0)
            return (
              <Empty
                title="No connections seen"
                hint="Agents on this host or its peers report connections; none was open yet."
              />
            );
          return (
            <Stack gap={6}>
              {callers.map((d) => (
                <Text size="sm" key={d.id}>
                  <HostLink id={d.clientHostId} name={d.clientName} /> needs this host’s :{d.port} ({d.connections}{' '}
                  open)
                </Text>
              ))}
              {callees.map((d) => (
                <Text size="sm" key={d.id}>
                  needs <HostLink id={d.serverHostId} name={d.serverName} /> :{d.port} ({d.connections} open)
                </Text>
              ))}
            </Stack>
          );
        }}
      </Loaded>
    </Paper>
  );
}

interface EndedProps {
  title: string;
  label: string;
  findings: readonly FindingNow[];
  onShow: (id: string) => void;
}

/** What burns no more, folded away. */
function Ended({ title, label, findings, onShow }: EndedProps) {
  if (findings.length === 0) return null;
  return (
    <Fold title={`${title}: ${findings.length}`}>
      <FindingTable findings={worstFirst(findings)} onShow={onShow} empty={null} onHost label={label} />
    </Fold>
  );
}

function HostFindings({ host }: { host: Host }) {
  const findings = useHostFindings(host.id);
  const shown = useOpenFinding();
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Findings
      </Title>
      <Loaded query={findings}>
        {(here) => {
          const fixed = here.filter((finding) => finding.state === 'fixed');
          const aside = here.filter((finding) => finding.state === 'not-applicable');
          return (
            <Stack gap="sm">
              <FindingTable
                findings={worstFirst(here.filter((finding) => !CLOSED.includes(finding.state)))}
                onShow={shown.open}
                empty={<NothingHere fixed={fixed.length} />}
                onHost
              />
              <Ended title="Fixed" label="Fixed findings" findings={fixed} onShow={shown.open} />
              <Ended
                title="Not applicable, by policy or configuration"
                label="Findings set aside"
                findings={aside}
                onShow={shown.open}
              />
            </Stack>
          );
        }}
      </Loaded>
      <FindingDrawer finding={findings.data?.find(({ id }) => id === shown.id)} onClose={shown.close} />
    </Paper>
  );
}

function NothingHere({ fixed }: { fixed: number }) {
  return fixed > 0 ? (
    <Empty title="Nothing burns here" hint="What was found here is fixed, and proven so." />
  ) : (
    <Empty
      title="No findings"
      hint={
        <>
          No check has failed on this host. What nobody could look at cannot fail: <code>lastember audit</code> looks
          again.
        </>
      }
    />
  );
}

function tlsSummary(probe: TlsProbe): string {
  const { versions, ssl2, unknownVersions, heartbleed, chain } = probe;
  const spoken = [...(ssl2 === 'spoken' ? ['SSLv2'] : []), ...versions];
  const open = unknownVersions?.length ? ` (no answer to ${unknownVersions.join(', ')})` : '';
  const within = insideInWords(probe);
  return `${spoken.join(', ')}${open}; Heartbleed: ${heartbleed.verdict}; key ${chain[0]?.spki.slice(0, 12) ?? 'none'}…${within ? `; ${within}` : ''}`;
}

function summary(endpoint: Endpoint): string {
  const probe = endpoint.probe;
  if (!probe) return endpoint.lastError ?? 'not probed yet';
  if (probe.protocol === 'tls') return tlsSummary(probe);
  if (probe.protocol === 'ssh') return probe.banner;
  return probe.protocol === 'unknown' ? bannerInWords(probe.banner) : serviceInWords(probe);
}

const ENDPOINT_COLUMNS: Column<Endpoint>[] = [
  {
    title: 'Endpoint',
    mono: true,
    cell: (endpoint) => <span className="address">{endpointName(endpoint)}</span>,
  },
  {
    title: 'Service',
    cell: (endpoint) => (
      <>
        {endpoint.service}{' '}
        {endpoint.state === 'gone' ? (
          <Badge color="gray" variant="light">
            gone
          </Badge>
        ) : null}
      </>
    ),
  },
  { title: 'Probe', cell: summary },
  { title: 'Probed', cell: (endpoint) => <Time at={endpoint.probedAt} /> },
];

function Endpoints({ endpoints }: { endpoints: Endpoint[] }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Listeners, seen from outside
      </Title>
      {endpoints.length === 0 ? (
        <Empty title="No listener seen" hint="Nothing answered on the ports of the scopes that cover this host." />
      ) : (
        <DataTable
          items={endpoints}
          columns={ENDPOINT_COLUMNS}
          keyOf={(endpoint) => endpoint.id}
          minWidth={640}
          label="Listeners"
        />
      )}
    </Paper>
  );
}

function History({ host }: { host: Host }) {
  const trail = useTrail({ host: host.id, limit: 30 });
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        On the trail
      </Title>
      <Loaded query={trail}>{(page) => <EntryList items={page.items} />}</Loaded>
    </Paper>
  );
}
