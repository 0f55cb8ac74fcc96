/** One output of an answer: bars where it looks like probabilities, else its first values. */
import type { Tensor } from '@lepton-edge/protocol';
import { Card, Code, NativeSelect, Progress, Table, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { formatShape } from '../../format/format.ts';
import { barsOf, firstValues, probabilityRows } from './output-values.ts';

interface Props {
  output: Tensor;
  labels: string[] | undefined;
}

export function Output({ output, labels }: Props) {
  const rows = probabilityRows(output);
  return (
    <Card withBorder padding="sm">
      <Title order={3} size="h6" style={{ overflowWrap: 'anywhere' }}>
        {output.name}
      </Title>
      <Text size="xs" c="dimmed" mb="xs">
        {output.datatype} {formatShape(output.shape)}
      </Text>
      {rows ? (
        <Rows name={output.name} rows={rows} labels={labels} />
      ) : (
        <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
          {firstValues(output)}
        </Code>
      )}
    </Card>
  );
}

function Rows({ name, rows, labels }: { name: string; rows: number[][]; labels: string[] | undefined }) {
  const [chosen, setChosen] = useState(0);
  const row = Math.min(chosen, rows.length - 1);
  return (
    <>
      {rows.length > 1 && (
        <NativeSelect
          label={`Row of ${name}`}
          size="xs"
          mb="xs"
          data={rows.map((_, i) => String(i))}
          value={String(row)}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
        />
      )}
      <Table withRowBorders={false} verticalSpacing={2} aria-label={`Values of ${name}`} layout="fixed">
        <Table.Tbody>
          {barsOf(rows[row] ?? [], labels).map(({ label, value }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two classes may have the same label
            <Table.Tr key={i}>
              <Table.Th scope="row" w="30%" fw={500} style={{ overflowWrap: 'anywhere' }}>
                {label}
              </Table.Th>
              <Table.Td>
                <Progress value={100 * value} aria-hidden />
              </Table.Td>
              <Table.Td w={64} ta="right">
                {value.toFixed(3)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </>
  );
}
