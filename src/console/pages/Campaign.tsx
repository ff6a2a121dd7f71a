import { Alert, Anchor, Badge, Paper, Stack } from '@mantine/core';
import { IconFlame } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import type { Campaign } from '../../model/campaign.ts';
import { useCampaign, useKits } from '../api/hooks.ts';
import { isMissing } from '../api/missing.ts';
import { CampaignLinks } from '../components/CampaignLinks.tsx';
import { Funnel } from '../components/Funnel.tsx';
import { FunnelMatrix } from '../components/FunnelMatrix.tsx';
import { LikelySource } from '../components/LikelySource.tsx';
import { NothingFound } from '../components/Looked.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { paths } from '../paths.ts';
import { NotFound } from './NotFound.tsx';

export function CampaignPage() {
  const { kit } = useParams({ strict: false });
  const campaign = useCampaign(kit!);
  // Most kits are not about leaked keys: that they have no campaign is an answer, not a failure.
  if (isMissing(campaign.error)) return <NoCampaign kit={kit!} />;
  return <Loaded query={campaign}>{(data) => <CampaignView campaign={data} />}</Loaded>;
}

function NoCampaign({ kit }: { kit: string }) {
  const known = useKits().data?.some((one) => one.kit.kit === kit) ?? true;
  if (!known) return <NotFound />;
  const findings = (
    <Anchor component={Link} to={paths.findings()} inherit underline="always">
      findings
    </Anchor>
  );
  return (
    <Page title={`Campaign: ${kit}`}>
      <Paper withBorder p="md">
        <Empty
          title="No campaign"
          hint={
            <>
              Only kits about keys that leaked have one. What {kit} found, if anything, is among the {findings}.
            </>
          }
        />
      </Paper>
    </Page>
  );
}

const WORD: Record<Campaign['state'], { label: string; color: string }> = {
  none: { label: 'no fire', color: 'gray' },
  burning: { label: 'burning', color: 'orange' },
  out: { label: 'out', color: 'teal' },
  rekindled: { label: 'rekindled', color: 'grape' },
};
/** A state that this version does not know is said by its own name. */
const wordOf = (state: string) =>
  (WORD as Partial<Record<string, (typeof WORD)['out']>>)[state] ?? { label: state, color: 'gray' };

function CampaignView({ campaign }: { campaign: Campaign }) {
  const word = wordOf(campaign.state);
  const burnt = campaign.endpoints.length > 0;
  return (
    <Page
      title={`Campaign: ${campaign.title}`}
      lead="Every endpoint that was vulnerable, or holds a key that was burnt elsewhere."
      actions={
        burnt ? (
          <Badge size="lg" color={word.color} variant="light">
            {word.label}
          </Badge>
        ) : null
      }
    >
      <Rekindled campaign={campaign} />
      {burnt ? (
        <>
          <Paper withBorder p="lg">
            <Stack gap="lg">
              <Funnel campaign={campaign} />
              <LikelySource kit={campaign.kit} />
              <CampaignLinks kit={campaign.kit} />
            </Stack>
          </Paper>
          <Paper withBorder p="md">
            <FunnelMatrix campaign={campaign} />
          </Paper>
        </>
      ) : (
        <Paper withBorder p="md">
          <NothingFound title="No fire" hint="No endpoint was ever found vulnerable to this." />
        </Paper>
      )}
    </Page>
  );
}

function Rekindled({ campaign }: { campaign: Campaign }) {
  return campaign.endpoints
    .filter((endpoint) => endpoint.rekindled !== null)
    .map((endpoint) => (
      <Alert
        key={endpoint.endpointId}
        color="grape"
        icon={<IconFlame aria-hidden />}
        title={`${endpoint.endpoint} on ${endpoint.hostName} ${endpoint.complete ? 'burned again, and is out' : 'burns again'}`}
      >
        {endpoint.rekindled?.cause}
      </Alert>
    ));
}
