import { Anchor, Card, Group, Paper, RingProgress, SimpleGrid, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import {
  IconAffiliate,
  IconChecklist,
  IconPlugConnected,
  IconRadar2,
  IconRoute,
  IconTimeline,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { useCampaigns, useChanges, useDependencies, useFindings, useHosts, useTrail } from '../api/hooks.ts';
import { Funnel } from '../components/Funnel.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { EntryList } from '../components/EntryList.tsx';
import { BURNING } from '../../model/finding.ts';
import { paths } from '../paths.ts';

interface Tile {
  step: string;
  icon: ComponentType<{ size: number }>;
  value: string;
  detail: string;
  to: string;
}

export function Overview() {
  return (
    <Page title="Overview" lead="From unknown address to fixed, proven from outside, and written up.">
      <Loop />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <CampaignCard />
        <Latest />
      </SimpleGrid>
    </Page>
  );
}

function useTiles(): Tile[] {
  const hosts = useHosts().data ?? [];
  const findings = useFindings().data ?? [];
  const dependencies = useDependencies().data ?? [];
  const changes = useChanges().data ?? [];
  const trail = useTrail({ limit: 1 }).data;
  const burning = findings.filter((finding) => BURNING.includes(finding.state));
  const unknown = hosts.filter((host) => host.claim === 'unknown').length;
  const managed = hosts.filter((host) => host.management === 'managed').length;
  const waiting = changes.filter((change) => change.state === 'awaiting-approval').length;
  const running = changes.filter((change) => ['running', 'verifying', 'paused'].includes(change.state)).length;
  return [
    {
      step: 'Discovery',
      icon: IconRadar2,
      value: String(hosts.length),
      detail: unknown ? `${unknown} nobody listed` : 'all of them claimed',
      to: paths.hosts(),
    },
    {
      step: 'Enrollment',
      icon: IconPlugConnected,
      value: `${managed} of ${hosts.length}`,
      detail: 'managed by an agent',
      to: paths.hosts(),
    },
    {
      step: 'Audit',
      icon: IconChecklist,
      value: String(burning.length),
      detail: `open; ${burning.filter((f) => f.severity === 'critical').length} critical`,
      to: paths.findings(),
    },
    {
      step: 'Impact',
      icon: IconAffiliate,
      value: String(dependencies.length),
      detail: 'dependencies observed',
      to: paths.graph(),
    },
    {
      step: 'Change',
      icon: IconRoute,
      value: String(changes.length),
      detail: waiting ? `${waiting} waiting for approval` : `${running} running`,
      to: paths.changes(),
    },
    {
      step: 'Trail',
      icon: IconTimeline,
      value: String(trail?.total ?? 0),
      detail: 'entries, tamper-evident',
      to: paths.trail(),
    },
  ];
}

function Loop() {
  const tiles = useTiles();
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      {tiles.map((tile) => (
        <Card key={tile.step} component={Link} to={tile.to} withBorder className="tile" padding="md">
          <Group gap={8} mb={6} wrap="nowrap">
            <ThemeIcon variant="light" size="md" aria-hidden>
              <tile.icon size={16} />
            </ThemeIcon>
            <Text size="sm" fw={600}>
              {tile.step}
            </Text>
          </Group>
          <Text fz={24} fw={700} lh={1.15}>
            {tile.value}
          </Text>
          <Text size="xs" c="dimmed">
            {tile.detail}
          </Text>
        </Card>
      ))}
    </SimpleGrid>
  );
}

function CampaignCard() {
  const campaigns = useCampaigns();
  return (
    <Paper withBorder p="lg">
      <Loaded query={campaigns}>
        {(items) => {
          const campaign = items.find((item) => item.totals.endpoints > 0) ?? items[0];
          if (!campaign || campaign.totals.endpoints === 0)
            return (
              <Empty
                title="No fire"
                hint="A campaign begins when a compromise kit such as heartbleed finds its first endpoint."
              />
            );
          const percent = Math.round(campaign.totals.share * 100);
          return (
            <Stack>
              <Group justify="space-between" wrap="nowrap">
                <div>
                  <Title order={2} size="h4">
                    <Anchor component={Link} to={paths.campaign(campaign.kit)} inherit>
                      {campaign.title}
                    </Anchor>
                  </Title>
                  <Text size="sm" c="dimmed">
                    {campaign.totals.complete} of {campaign.totals.endpoints} endpoints have done every step
                    {campaign.totals.excepted ? `; ${campaign.totals.excepted} excepted` : ''}
                  </Text>
                </div>
                <RingProgress
                  size={84}
                  thickness={9}
                  roundCaps
                  sections={[{ value: percent, color: percent === 100 ? 'teal' : 'ember' }]}
                  label={<Text ta="center" fw={700} size="sm">{`${percent} %`}</Text>}
                  aria-label={`${percent} per cent complete`}
                />
              </Group>
              <Funnel campaign={campaign} />
            </Stack>
          );
        }}
      </Loaded>
    </Paper>
  );
}

function Latest() {
  const trail = useTrail({ limit: 12 });
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        What happened last
      </Title>
      <Loaded query={trail}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty
              title="Nothing yet"
              hint={
                <>
                  Add a scope and scan it: <code>lastember scan 192.0.2.0/24</code>
                </>
              }
            />
          ) : (
            <EntryList items={page.items} />
          )
        }
      </Loaded>
    </Paper>
  );
}
