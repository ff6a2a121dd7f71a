import { Anchor, Drawer, Group, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { BURNING, CLOSED, type Finding, type FindingNow } from '../../model/finding.ts';
import { useChanges, useExceptions } from '../api/hooks.ts';
import { paths } from '../paths.ts';
import { FindingBadge, SeverityBadge } from './Badges.tsx';
import { Facts } from './Facts.tsx';
import { Drifted } from './HostVerdicts.tsx';
import { LikelySource } from './LikelySource.tsx';
import { HostLink } from './HostLink.tsx';
import { Terms } from './Terms.tsx';
import { Time } from './Time.tsx';

/** One finding in full: where it stands, what was seen, and what was done about it. */
export function FindingDrawer({ finding, onClose }: { finding: FindingNow | undefined; onClose: () => void }) {
  return (
    <Drawer
      opened={finding !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={<Text fw={650}>{finding?.title}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {finding ? (
        <Stack gap="sm">
          <Group gap="xs">
            <SeverityBadge severity={finding.severity} />
            <FindingBadge state={finding.state} />
            <Text size="sm" c="dimmed">
              confidence {Math.round(finding.confidence * 100)} %
            </Text>
          </Group>
          {finding.pending ? <Text>{finding.pending}</Text> : null}
          <About finding={finding} />
          {BURNING.includes(finding.state) ? <LikelySource kit={finding.kit} check={finding.check} /> : null}
          <Title order={3} size="h5" mt="xs">
            Evidence
          </Title>
          <Facts of={finding.evidence} />
        </Stack>
      ) : null}
    </Drawer>
  );
}

function About({ finding }: { finding: FindingNow }) {
  const { kit, kitVersion, check, advisories, changeId, exceptionId } = finding;
  return (
    <Terms
      items={[
        ['Host', <HostLink key="host" id={finding.hostId} name={finding.hostName} alone />],
        [finding.endpoint ? 'Listener' : 'Component', finding.endpoint ?? finding.component],
        ['Check', `${check} of ${kit} ${kitVersion}`],
        advisories.length > 0 ? ['Advisories', advisories.join(', ')] : null,
        ...standing(finding),
        ...moments(finding),
        changeId ? [byChange(finding), <ChangeLink key="change" id={changeId} />] : null,
        exceptionId ? ['Excepted', <ExceptionLink key="exception" id={exceptionId} />] : null,
      ]}
    />
  );
}

type Term = readonly [name: string, value: ReactNode] | null;

/** How it is as of now. */
function standing(finding: FindingNow): Term[] {
  return [
    finding.owner ? ['Owner', finding.owner] : null,
    finding.stale ? ['Stale', 'The host reports no longer; this is what was known last.'] : null,
    finding.drift ? ['Drifted', <Drifted key="drift" of={finding} />] : null,
    finding.closeReason ? ['Why it is closed', finding.closeReason] : null,
    finding.remediable || CLOSED.includes(finding.state)
      ? null
      : ['Remediation', 'None: no step of the kit puts it right, a person has to.'],
    finding.byHand && !CLOSED.includes(finding.state) ? ['By hand', finding.byHand] : null,
    finding.rekindleCause ? ['Why it came back', finding.rekindleCause] : null,
  ];
}

function moments(finding: FindingNow): Term[] {
  return [
    ['First seen', <Time key="opened" at={finding.openedAt} mode="date" />],
    ['Last seen', <Time key="last" at={finding.lastSeenAt} mode="date" />],
    finding.dueAt
      ? [finding.overdue ? 'Overdue since' : 'Due', <Time key="due" at={finding.dueAt} mode="date" />]
      : null,
    finding.rekindledAt ? ['Rekindled', <Time key="rekindled" at={finding.rekindledAt} mode="date" />] : null,
    finding.closedAt ? ['Closed', <Time key="closed" at={finding.closedAt} mode="date" />] : null,
  ];
}

function byChange({ state }: Finding): string {
  if (state === 'fixed') return 'Fixed by';
  return state === 'planned' ? 'Planned in' : 'Was planned in';
}

function ChangeLink({ id }: { id: string }) {
  const title = useChanges().data?.find((change) => change.id === id)?.title;
  return (
    <Anchor component={Link} to={paths.change(id)} inherit>
      {title ?? 'the change'}
    </Anchor>
  );
}

function ExceptionLink({ id }: { id: string }) {
  const exception = useExceptions().data?.find((one) => one.id === id);
  return (
    <>
      <Anchor component={Link} to={paths.exceptions()} inherit>
        {exception?.reason ?? 'an accepted risk'}
      </Anchor>
      {exception ? (
        <>
          , until <Time at={exception.endedAt ?? exception.expiresAt} mode="date" />
        </>
      ) : null}
    </>
  );
}
