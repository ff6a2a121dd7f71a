import { Alert, Badge, Group, Paper, Table, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconFlame, IconQuestionMark } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import { FUNNEL, type Campaign, type CampaignEndpoint, type FunnelState } from '../../model/campaign.ts';
import { useCampaign } from '../api/hooks.ts';
import { Funnel, STEP_LABEL } from '../components/Funnel.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { paths } from '../paths.ts';

export function CampaignPage() {
  const { kit } = useParams({ strict: false });
  const campaign = useCampaign(kit!);
  return <Loaded query={campaign}>{(data) => <CampaignView campaign={data} />}</Loaded>;
}

const WORD: Record<Campaign['state'], { label: string; color: string }> = {
  burning: { label: 'burning', color: 'orange' },
  out: { label: 'out', color: 'teal' },
  rekindled: { label: 'rekindled', color: 'grape' },
};

function CampaignView({ campaign }: { campaign: Campaign }) {
  const word = WORD[campaign.state];
  const rekindled = campaign.endpoints.filter((endpoint) => endpoint.rekindled);
  return (
    <Page
      title={`Campaign: ${campaign.title}`}
      lead="Every endpoint that was vulnerable, or holds a key that was burnt elsewhere."
      actions={
        <Badge size="lg" color={word.color} variant="light">
          {word.label}
        </Badge>
      }
    >
      {rekindled.map((endpoint) => (
        <Alert
          key={endpoint.endpointId}
          color="grape"
          icon={<IconFlame aria-hidden />}
          title={`${endpoint.endpoint} on ${endpoint.hostName} burns again`}
        >
          {endpoint.rekindled?.cause}
        </Alert>
      ))}
      {campaign.endpoints.length === 0 ? (
        <Paper withBorder p="md">
          <Empty title="No fire" hint="No endpoint was ever found vulnerable to this." />
        </Paper>
      ) : (
        <>
          <Paper withBorder p="lg">
            <Funnel campaign={campaign} />
          </Paper>
          <Paper withBorder p="md">
            <Matrix campaign={campaign} />
          </Paper>
        </>
      )}
    </Page>
  );
}

function Matrix({ campaign }: { campaign: Campaign }) {
  return (
    <Table.ScrollContainer minWidth={980}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Endpoint</Table.Th>
            {FUNNEL.map((step) => (
              <Table.Th key={step} style={{ fontSize: 12, lineHeight: 1.2 }}>
                {STEP_LABEL[step]}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {campaign.endpoints.map((endpoint) => (
            <Row key={endpoint.endpointId} endpoint={endpoint} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ endpoint }: { endpoint: CampaignEndpoint }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Link to={paths.host(endpoint.hostId)} className="row-link">
          {endpoint.hostName}
        </Link>
        <Text size="xs" c="dimmed" className="mono">
          {endpoint.endpoint}
        </Text>
        <Group gap={4} mt={2}>
          {endpoint.cause === 'shared-key' ? (
            <Badge size="xs" variant="outline" color="grape">
              shared key{endpoint.via ? ` with ${endpoint.via}` : ''}
            </Badge>
          ) : null}
          {endpoint.excepted ? (
            <Badge size="xs" variant="outline" color="yellow">
              excepted
            </Badge>
          ) : null}
          {endpoint.managed ? null : (
            <Badge size="xs" variant="outline" color="gray">
              not managed
            </Badge>
          )}
        </Group>
      </Table.Td>
      {FUNNEL.map((step) => {
        const cell = endpoint.steps[step];
        return (
          <Table.Td key={step}>
            <Mark state={cell?.state ?? 'unknown'} why={cell?.why ?? ''} />
          </Table.Td>
        );
      })}
    </Table.Tr>
  );
}

const MARK = {
  done: { icon: IconCheck, color: 'teal-7' },
  open: { icon: IconFlame, color: 'orange-7' },
  unknown: { icon: IconQuestionMark, color: 'gray-6' },
  'not-applicable': { icon: IconCircleDashed, color: 'gray-5' },
} as const;

function Mark({ state, why }: { state: FunnelState; why: string }) {
  const { icon: Icon, color } = MARK[state];
  const label = `${state}${why ? `: ${why}` : ''}`;
  return (
    <Tooltip label={label} multiline maw={340}>
      <span tabIndex={0} role="img" aria-label={label} style={{ display: 'inline-flex' }}>
        <Icon size={18} color={`var(--mantine-color-${color})`} aria-hidden />
      </span>
    </Tooltip>
  );
}
