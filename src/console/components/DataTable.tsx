import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import './data-table.css';

export interface Column<T> {
  title: string;
  /** in the head instead of the title */
  head?: ReactNode;
  cell: (item: T) => ReactNode;
  mono?: boolean;
  end?: boolean;
  width?: number;
  /** for a column whose words may break, but not letter by letter */
  min?: number;
}

/** Widths below which a table becomes a list; data-table.css has a rule for each. */
const STACKS = [640, 760, 900];
const stackBelow = (minWidth: number): number => STACKS.find((width) => width >= minWidth) ?? STACKS.at(-1)!;

/** A table of items; where it has no room for all its columns, each item is a card that names every value. */
export function DataTable<T>({
  items,
  columns,
  keyOf,
  minWidth,
  label = 'Table',
}: {
  items: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (item: T) => string;
  minWidth: number;
  /** where a page has several, each needs its own */
  label?: string;
}) {
  // Cards are no table to a browser: the roles keep them one for who hears them.
  return (
    <div className={columns.length > 1 ? `table-box stack-${stackBelow(minWidth)}` : 'table-box'}>
      <Table highlightOnHover role="table" aria-label={label}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {columns.map((column) => (
              <Table.Th
                key={column.title}
                role="columnheader"
                ta={column.end ? 'right' : 'left'}
                w={column.width}
                miw={column.min}
              >
                {column.head ?? column.title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {items.map((item) => (
            <Table.Tr key={keyOf(item)} role="row">
              {columns.map((column) => (
                <Table.Td key={column.title} role="cell" ta={column.end ? 'right' : 'left'} data-label={column.title}>
                  <div className={column.mono ? 'mono' : undefined}>{column.cell(item)}</div>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
