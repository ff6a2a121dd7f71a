import { Due } from './Due.tsx';
import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { FindingNow } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import { FindingBadge, SeverityBadge } from './Badges.tsx';
import { DataTable, type Column } from './DataTable.tsx';
import { HostLink } from './HostLink.tsx';
import { TextButton } from './TextButton.tsx';
import { Time } from './Time.tsx';

interface Props {
  findings: readonly FindingNow[];
  onShow: (id: string) => void;
  /** said instead of an empty table */
  empty: ReactNode;
  /** where the page is about one host, which need not be named in each row */
  onHost?: boolean;
  label?: string;
}

/** In the order that they are given in. */
export function FindingTable({ findings, onShow, empty, onHost = false, label = 'Findings' }: Props) {
  if (findings.length === 0) return empty;
  const columns: Column<FindingNow>[] = [
    { title: 'Severity', cell: (finding) => <SeverityBadge severity={finding.severity} /> },
    { title: 'Finding', min: 230, cell: (finding) => <What finding={finding} onShow={onShow} /> },
    {
      title: 'Where',
      min: 150,
      cell: (finding) => (onHost ? <Place finding={finding} /> : <Where finding={finding} />),
    },
    { title: 'State', cell: (finding) => <State finding={finding} /> },
    { title: 'Opened', cell: (finding) => <Time at={finding.openedAt} /> },
    { title: 'Due', cell: (finding) => <Due dueAt={finding.dueAt} overdue={finding.overdue} /> },
  ];
  return <DataTable items={findings} columns={columns} keyOf={(finding) => finding.id} minWidth={720} label={label} />;
}

const rank = (finding: FindingNow): number => Severity.options.indexOf(finding.severity);
const place = (finding: FindingNow): string => `${finding.hostName} ${finding.endpoint ?? finding.component}`;

/** The worst first, then by place. */
export const worstFirst = (findings: readonly FindingNow[]): FindingNow[] =>
  findings.toSorted((a, b) => rank(a) - rank(b) || place(a).localeCompare(place(b)));

function What({ finding, onShow }: { finding: FindingNow; onShow: (id: string) => void }) {
  const why = finding.state === 'not-applicable' ? finding.closeReason : finding.pending;
  return (
    <>
      <TextButton onClick={() => onShow(finding.id)}>{finding.title}</TextButton>
      {why ? (
        <Text size="xs" c="dimmed">
          {why}
        </Text>
      ) : null}
    </>
  );
}

/** What a host that reports no longer said last is no news. */
function State({ finding: { state, stale, drift } }: { finding: FindingNow }) {
  return (
    <>
      <FindingBadge state={state} />
      {stale ? (
        <Text size="xs" c="orange">
          stale
        </Text>
      ) : null}
      {drift ? (
        <Text size="xs" c="dimmed">
          passed before
        </Text>
      ) : null}
    </>
  );
}

function Where({ finding }: { finding: FindingNow }) {
  return (
    <>
      <HostLink id={finding.hostId} name={finding.hostName} alone />
      <Text size="xs" c="dimmed" component="div">
        <Place finding={finding} />
      </Text>
    </>
  );
}

function Place({ finding }: { finding: FindingNow }) {
  return <span className={finding.endpoint ? 'mono address' : 'mono'}>{finding.endpoint ?? finding.component}</span>;
}
