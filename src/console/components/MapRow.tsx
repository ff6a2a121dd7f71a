import { ActionIcon } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { memo } from 'react';
import type { MapNode } from '../../model/map.ts';
import { count } from './count.ts';

interface Props {
  node: MapNode;
  isPicked: boolean;
  isOpen: boolean;
  onPick: () => void;
  onToggle: () => void;
}

/** One subnet or host. The row itself picks; a subnet has a button of its own that opens it. */
export const MapRow = memo(Row, (a, b) => a.node === b.node && a.isPicked === b.isPicked && a.isOpen === b.isOpen);

function Row({ node, isPicked, isOpen, onPick, onToggle }: Props) {
  const isBlock = node.kind === 'block';
  return (
    <li className="map-row" data-kind={node.kind} data-picked={isPicked}>
      {isBlock ? (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="md"
          onClick={onToggle}
          aria-expanded={isOpen}
          aria-label={`Hosts of ${node.label}`}
        >
          {isOpen ? <IconChevronDown size={16} aria-hidden /> : <IconChevronRight size={16} aria-hidden />}
        </ActionIcon>
      ) : (
        <span className="map-dot" data-is={isOf(node)} aria-hidden />
      )}
      <button type="button" className="map-pick" aria-pressed={isPicked} onClick={onPick}>
        <span className="map-name">
          <span className={isBlock ? 'mono' : undefined}>{node.label}</span>
          {node.address && node.address !== node.label ? <span className="mono map-sub">{node.address}</span> : null}
        </span>
        <span className="map-sub">{isBlock ? inWords(node) : hostInWords(node)}</span>
      </button>
      {node.marks ? <Strip node={node} /> : <span />}
    </li>
  );
}

const isOf = ({ managed, unknown }: MapNode): string => (managed > 0 ? 'managed' : unknown > 0 ? 'unknown' : 'known');

const inWords = ({ hosts, unknown, managed }: MapNode): string =>
  [
    count(hosts, 'host'),
    ...(managed > 0 ? [`${managed} managed`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ].join(' · ');

const hostInWords = (node: MapNode): string =>
  [node.claim === 'unknown' ? 'unknown' : node.management === 'managed' ? 'managed' : 'known', node.guess]
    .filter(Boolean)
    .join(' · ');

/** Where in the subnet its hosts are: one line an address. */
function Strip({ node }: { node: MapNode }) {
  const { managed, known, unknown } = node.marks!;
  return (
    <svg className="map-strip" viewBox="0 0 256 14" preserveAspectRatio="none" aria-hidden>
      {Object.entries({ managed, known, unknown }).map(([is, marks]) => (
        <path key={is} data-is={is} d={marks.map((mark) => `M${mark + 0.5},1V13`).join('')} />
      ))}
    </svg>
  );
}
