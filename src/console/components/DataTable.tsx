import { Table } from '@mantine/core';
import type { ReactNode } from 'react';

export interface Column<T> {
  title: string;
  cell: (item: T) => ReactNode;
  mono?: boolean;
  end?: boolean;
  width?: number;
  /** for a column whose words may break, but not letter by letter */
  min?: number;
}

/** A table of items; narrower screens scroll it inside its own box. */
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
  return (
    <Table.ScrollContainer minWidth={minWidth} aria-label={label}>
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.title} ta={column.end ? 'right' : 'left'} w={column.width} miw={column.min}>
                {column.title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={keyOf(item)}>
              {columns.map((column) => (
                <Table.Td
                  key={column.title}
                  ta={column.end ? 'right' : 'left'}
                  className={column.mono ? 'mono' : undefined}
                >
                  {column.cell(item)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
