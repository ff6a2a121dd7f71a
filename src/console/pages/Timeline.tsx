import { Badge, Button, Group, Paper, SegmentedControl, Select, Stack, Text, Title } from '@mantine/core';
import { endpointName } from '../../model/endpoint-name.ts';
import { type Moment, MOMENT_WORDS, MomentKind, type Timeline } from '../../model/timeline.ts';
import { useTimeline } from '../api/timeline.ts';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { MOMENTS, SPANS, type TimelineSearch, useFilters } from '../search.ts';
import './timeline.css';

type Shown = (typeof MOMENTS)[number];
const KINDS: Record<Shown, readonly MomentKind[]> = {
  hosts: MomentKind.options.filter((kind) => !kind.startsWith('port-')),
  all: MomentKind.options,
  appeared: ['appeared', 'back', 'port-opened', 'port-back'],
  gone: ['offline', 'left', 'port-closed'],
  identity: ['replaced', 'cloned', 'moved', 'merged', 'split'],
  ports: ['port-opened', 'port-closed', 'port-back'],
};
const SHOWN: Record<Shown, string> = {
  hosts: 'Hosts',
  all: 'Everything',
  appeared: 'Appeared',
  gone: 'Disappeared',
  identity: 'Identity',
  ports: 'What hosts serve',
};
const SPAN_WORDS: Record<(typeof SPANS)[number], string> = {
  '1': '1 day',
  '7': '7 days',
  '30': '30 days',
  '90': '90 days',
};
const CLAIMS = ['unknown', 'known', 'ignored'] as const;

/** What appeared and disappeared, day by day. */
export function TimelinePage() {
  const [{ days = '7', show = 'hosts', claim }, set] = useFilters<TimelineSearch>();
  const query = useTimeline(Number(days), KINDS[show], claim);
  return (
    <Page title="Timeline" lead="What appeared, went, came back or turned out to be another machine.">
      <Group gap="sm" align="flex-end">
        <SegmentedControl
          aria-label="How far back"
          data={SPANS.map((value) => ({ value, label: SPAN_WORDS[value] }))}
          value={days}
          onChange={(value) => set({ days: value === '7' ? undefined : (value as typeof days) })}
        />
        <Select
          label="Show"
          data={MOMENTS.map((value) => ({ value, label: SHOWN[value] }))}
          value={show}
          allowDeselect={false}
          onChange={(value) => set({ show: value === 'hosts' ? undefined : (value as Shown) })}
          w={170}
        />
        <Select
          label="Of"
          data={[{ value: '', label: 'all hosts' }, ...CLAIMS.map((value) => ({ value, label: `${value} hosts` }))]}
          value={claim ?? ''}
          allowDeselect={false}
          onChange={(value) => set({ claim: value ? (value as (typeof CLAIMS)[number]) : undefined })}
          w={160}
        />
      </Group>
      <Loaded query={query as never}>
        {(data: { pages: Timeline[] }) => (
          <Days
            pages={data.pages}
            more={query.hasNextPage ? () => void query.fetchNextPage() : null}
            loading={query.isFetchingNextPage}
          />
        )}
      </Loaded>
    </Page>
  );
}

function Days({ pages, more, loading }: { pages: Timeline[]; more: (() => void) | null; loading: boolean }) {
  const groups = [
    ...Map.groupBy(
      pages.flatMap(({ items }) => items),
      ({ at }) => at.slice(0, 10),
    ),
  ];
  const counts = new Map((pages[0]?.days ?? []).map((day) => [day.day, day.counts]));
  if (groups.length === 0)
    return (
      <Paper withBorder p="md">
        <Empty title="Nothing happened" hint="Nothing of this kind appeared or disappeared in that time." />
      </Paper>
    );
  return (
    <Stack gap="lg">
      {groups.map(([day, items]) => (
        <section key={day} aria-label={dayInWords(day)}>
          <Group gap="sm" mb={6} align="baseline" className="timeline-day">
            <Title order={2} size="h5">
              {dayInWords(day)}
            </Title>
            <Text size="sm" c="dimmed">
              {countsInWords(counts.get(day) ?? {})}
            </Text>
          </Group>
          <Paper withBorder px="md" py={4}>
            <ol className="timeline">
              {items.map((moment, index) => (
                <One key={`${moment.at} ${moment.kind} ${index}`} moment={moment} />
              ))}
            </ol>
          </Paper>
        </section>
      ))}
      {more ? (
        <Button variant="default" onClick={more} loading={loading} style={{ alignSelf: 'center' }}>
          Earlier
        </Button>
      ) : null}
    </Stack>
  );
}

const COLOURS: Partial<Record<MomentKind, string>> = {
  appeared: 'blue',
  back: 'blue',
  'port-opened': 'blue',
  'port-back': 'blue',
  replaced: 'orange',
  cloned: 'red',
};

function One({ moment }: { moment: Moment }) {
  const { at, kind, host, why } = moment;
  return (
    <li>
      <time dateTime={at} title={at} className="mono">
        {at.slice(11, 16)}
      </time>
      <span className="timeline-dot" data-kind={COLOURS[kind] ?? 'gray'} aria-hidden />
      <div>
        <HostLink id={host.id} name={host.name} /> {MOMENT_WORDS[kind]}
        {placeOf(moment)}
        {host.claim === 'unknown' ? (
          <Badge variant="light" color="orange" size="sm" ml={8}>
            unknown
          </Badge>
        ) : null}
        {why && kind !== 'appeared' ? (
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {why}
          </Text>
        ) : null}
      </div>
    </li>
  );
}

function placeOf({ kind, address, port, transport, service, host }: Moment): string {
  if (port !== null && address)
    return `: ${service ?? ''} at ${endpointName({ address, port, transport: transport ?? 'tcp' })}`;
  if (!address || address === host.name) return '';
  return kind === 'left' ? `: ${address}` : ` at ${address}`;
}

/** Days are UTC, as everything that is compared across sites. */
const dayInWords = (day: string): string =>
  new Date(`${day}T12:00:00Z`).toLocaleDateString('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });

const SHORT: Partial<Record<MomentKind, string>> = {
  'port-opened': 'new listeners',
  'port-closed': 'listeners gone',
  'port-back': 'listeners back',
};
const countsInWords = (counts: Partial<Record<MomentKind, number>>): string =>
  Object.entries(counts)
    .map(([kind, n]) => `${n} ${SHORT[kind as MomentKind] ?? kind}`)
    .join(' · ');
