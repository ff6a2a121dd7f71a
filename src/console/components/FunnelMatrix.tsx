import { Badge, Group, Table, Text } from '@mantine/core';
import { FUNNEL, type Campaign, type CampaignEndpoint } from '../../model/campaign.ts';
import { STEP_LABEL } from '../../model/campaign-words.ts';
import { Legend, Mark } from './FunnelMark.tsx';
import './funnel-matrix.css';
import { HostLink } from './HostLink.tsx';

/** Which endpoint has done which step, and why not. */
export function FunnelMatrix({ campaign }: { campaign: Campaign }) {
  const at = new Map(campaign.endpoints.map((endpoint) => [endpoint.endpoint, endpoint]));
  return (
    <>
      <Legend />
      <div className="funnel-box">
        <Table className="funnel-matrix" role="table" aria-label="Steps of each endpoint">
          <Table.Thead role="rowgroup">
            <Table.Tr role="row">
              <Table.Th role="columnheader">Endpoint</Table.Th>
              {FUNNEL.map((step) => (
                <Table.Th key={step} role="columnheader" style={{ fontSize: 12, lineHeight: 1.2 }}>
                  {STEP_LABEL[step]}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody role="rowgroup">
            {campaign.endpoints.map((endpoint) => (
              <Row key={endpoint.endpointId} endpoint={endpoint} via={at.get(endpoint.via ?? '')} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  );
}

function Row({ endpoint, via }: { endpoint: CampaignEndpoint; via: CampaignEndpoint | undefined }) {
  return (
    <Table.Tr role="row">
      <Table.Th scope="row" role="rowheader" fw={400}>
        <Text size="sm" fw={550}>
          <HostLink id={endpoint.hostId} name={endpoint.hostName} alone />
        </Text>
        <Text size="xs" c="dimmed" className="mono">
          {endpoint.endpoint}
        </Text>
        {endpoint.cause === 'shared-key' ? <SharedKey endpoint={endpoint} via={via} /> : null}
        <Group gap={4} mt={2}>
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
      </Table.Th>
      {FUNNEL.map((step) => {
        const cell = endpoint.steps[step];
        return (
          <Table.Td key={step} role="cell" data-label={STEP_LABEL[step]}>
            <Mark state={cell?.state ?? 'unknown'} why={cell?.why ?? ''} step={STEP_LABEL[step]} />
          </Table.Td>
        );
      })}
    </Table.Tr>
  );
}

/** It did not leak itself: the host that it shares its key with did. */
function SharedKey({ endpoint, via }: { endpoint: CampaignEndpoint; via: CampaignEndpoint | undefined }) {
  return (
    <Text size="xs">
      shared key
      {via ? (
        <>
          {' '}
          with <HostLink id={via.hostId} name={via.hostName} />
        </>
      ) : endpoint.via ? (
        ` with ${endpoint.via}`
      ) : null}
    </Text>
  );
}
