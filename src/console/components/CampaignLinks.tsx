import { Anchor, Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useChanges, useDocuments } from '../api/hooks.ts';
import { paths } from '../paths.ts';
import { ChangeBadge } from './Badges.tsx';
import { Terms } from './Terms.tsx';

/** What was written about a campaign, and what was done for it. */
export function CampaignLinks({ kit }: { kit: string }) {
  const written = useDocuments().data?.some((item) => item.kind === 'campaign' && item.id === kit) ?? false;
  const changes = useChanges().data?.filter((change) => change.kit === kit) ?? [];
  return (
    <Terms
      items={[
        ['Report', written ? <Report key="report" kit={kit} /> : <None key="report">not written yet</None>],
        [
          'Changes',
          changes.length === 0 ? (
            <None key="changes">none yet</None>
          ) : (
            changes.map((change) => (
              <Group key={change.id} gap="xs">
                <Anchor component={Link} to={paths.change(change.id)} inherit>
                  {change.title}
                </Anchor>
                <ChangeBadge state={change.state} />
              </Group>
            ))
          ),
        ],
      ]}
    />
  );
}

const None = ({ children }: { children: string }) => (
  <Text span inherit c="dimmed">
    {children}
  </Text>
);

function Report({ kit }: { kit: string }) {
  return (
    <Group gap="sm">
      <Anchor inherit href={paths.document('campaign', kit, 'html')} target="_blank" rel="noreferrer">
        Campaign report (HTML)
      </Anchor>
      <Anchor inherit href={paths.document('campaign', kit, 'md')} target="_blank" rel="noreferrer">
        Markdown
      </Anchor>
    </Group>
  );
}
