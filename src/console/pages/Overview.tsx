import { Anchor, Group, Paper, RingProgress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { currentCampaign } from '../api/current-campaign.ts';
import { useCampaigns, useTrail } from '../api/hooks.ts';
import { EntryList } from '../components/EntryList.tsx';
import { Funnel } from '../components/Funnel.tsx';
import { LoopTiles } from '../components/LoopTiles.tsx';
import { NothingFound } from '../components/Looked.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { paths } from '../paths.ts';

export function Overview() {
  return (
    <Page title="Overview" lead="From unknown address to fixed, proven from outside, and written up.">
      <LoopTiles />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" style={{ alignItems: 'start' }}>
        <CampaignCard />
        <Latest />
      </SimpleGrid>
    </Page>
  );
}

function CampaignCard() {
  const campaigns = useCampaigns();
  return (
    <Paper withBorder p="lg">
      <Loaded query={campaigns}>
        {(items) => {
          const campaign = currentCampaign(items);
          if (!campaign)
            return (
              <NothingFound
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
                    {campaign.totals.complete} of {campaign.totals.endpoints - campaign.totals.excepted} endpoints have
                    done every step
                    {campaign.totals.excepted ? `; ${campaign.totals.excepted} more excepted` : ''}
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

/** What happened to the estate; who signed in and which files were written stands on the trail itself. */
const ON_THE_ESTATE = 'discovery,enrollment,audit,impact,change,trail.alarm';

function Latest() {
  const trail = useTrail({ limit: 12, type: ON_THE_ESTATE });
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
