/** A table that scrolls on its own when it is wider than the screen. */
import { Table } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  /** Names the table for those who cannot see it. */
  label: string;
  head: string[];
  rows: { key: string; cells: ReactNode[] }[];
  /** In pixels; narrower screens scroll the table. */
  minWidth?: number;
}

export function DataTable({ label, head, rows, minWidth = 480 }: Props) {
  return (
    <Table.ScrollContainer minWidth={minWidth} type="native">
      <Table aria-label={label} striped highlightOnHover verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {head.map((name) => (
              <Table.Th key={name} scope="col">
                {name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ key, cells }) => (
            <Table.Tr key={key}>
              {cells.map((cell, column) => (
                <Table.Td key={head[column]}>{cell}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
