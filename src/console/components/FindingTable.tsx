import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Finding } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import { FindingBadge, SeverityBadge } from './Badges.tsx';
import { DataTable, type Column } from './DataTable.tsx';
import { HostLink } from './HostLink.tsx';
import { TextButton } from './TextButton.tsx';
import { Time } from './Time.tsx';

interface Props {
  findings: readonly Finding[];
  onShow: (id: string) => void;
  /** said instead of an empty table */
  empty: ReactNode;
  /** where the page is about one host, which need not be named in each row */
  onHost?: boolean;
  label?: string;
}

/** The worst first, then by host. */
export function FindingTable({ findings, onShow, empty, onHost = false, label = 'Findings' }: Props) {
  if (findings.length === 0) return empty;
  const columns: Column<Finding>[] = [
    { title: 'Severity', cell: (finding) => <SeverityBadge severity={finding.severity} /> },
    { title: 'Finding', min: 230, cell: (finding) => <What finding={finding} onShow={onShow} /> },
    {
      title: 'Where',
      min: 150,
      cell: (finding) => (onHost ? <Place finding={finding} /> : <Where finding={finding} />),
    },
    { title: 'State', cell: (finding) => <FindingBadge state={finding.state} /> },
    { title: 'Opened', cell: (finding) => <Time at={finding.openedAt} /> },
  ];
  return (
    <DataTable
      items={sorted(findings)}
      columns={columns}
      keyOf={(finding) => finding.id}
      minWidth={720}
      label={label}
    />
  );
}

const rank = (finding: Finding): number => Severity.options.indexOf(finding.severity);
const place = (finding: Finding): string => `${finding.hostName} ${finding.endpoint ?? finding.component}`;

const sorted = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => rank(a) - rank(b) || place(a).localeCompare(place(b)));

function What({ finding, onShow }: { finding: Finding; onShow: (id: string) => void }) {
  return (
    <>
      <TextButton onClick={() => onShow(finding.id)}>{finding.title}</TextButton>
      {finding.pending ? (
        <Text size="xs" c="dimmed">
          {finding.pending}
        </Text>
      ) : null}
    </>
  );
}

function Where({ finding }: { finding: Finding }) {
  return (
    <>
      <HostLink id={finding.hostId} name={finding.hostName} alone />
      <Text size="xs" c="dimmed" component="div">
        <Place finding={finding} />
      </Text>
    </>
  );
}

function Place({ finding }: { finding: Finding }) {
  return <span className={finding.endpoint ? 'mono address' : 'mono'}>{finding.endpoint ?? finding.component}</span>;
}
