/** What an inference answered: its outputs, where it ran, and where the time went. */
import type { InferResult } from '@lepton-edge/client';
import type { Tensor } from '@lepton-edge/protocol';
import { Badge, Card, Code, Group, Progress, Stack, Table, Text, Title } from '@mantine/core';
import { StateBadge } from '../../components/badges.tsx';
import { formatMs, formatShape } from '../../format/format.ts';

const MAX_BARS = 20;
const MAX_SHOWN = 64;

interface Props {
  result: InferResult;
  /** As measured in this browser. */
  totalMs: number;
  labels: string[] | undefined;
}

export function Answer({ result, totalMs, labels }: Props) {
  const phases = Object.entries(result.timing);
  return (
    <Stack>
      <Group gap="xs">
        <Text size="sm">Placement</Text>
        <Badge variant="light" tt="none">
          {result.placement}
        </Badge>
        <Text size="sm">Cache</Text>
        <StateBadge state={result.cache} />
        <Text size="sm">Total {formatMs(totalMs)}</Text>
      </Group>
      {phases.length > 0 && (
        <Group gap="md">
          {phases.map(([name, ms]) => (
            <Text key={name} size="xs" c="dimmed">
              {name} {formatMs(ms)}
            </Text>
          ))}
        </Group>
      )}
      {result.outputs.map((output) => (
        <Output key={output.name} output={output} labels={labels} />
      ))}
      <Text size="xs" c="dimmed">
        Request <Code>{result.requestId}</Code> by {result.model}
      </Text>
    </Stack>
  );
}

function Output({ output, labels }: { output: Tensor; labels: string[] | undefined }) {
  const values = numbersOf(output);
  const bars = values && isProbabilities(output, values) ? topOf(values, labels) : undefined;
  return (
    <Card withBorder padding="sm">
      <Title order={3} size="h6">
        {output.name}
      </Title>
      <Text size="xs" c="dimmed" mb="xs">
        {output.datatype} {formatShape(output.shape)}
      </Text>
      {bars ? <Bars bars={bars} /> : <Code block>{firstValues(output)}</Code>}
    </Card>
  );
}

interface Bar {
  label: string;
  value: number;
}

function Bars({ bars }: { bars: Bar[] }) {
  return (
    <Table withRowBorders={false} verticalSpacing={2} aria-label="Probabilities">
      <Table.Tbody>
        {bars.map(({ label, value }) => (
          <Table.Tr key={label}>
            <Table.Th w={110} fw={500}>
              {label}
            </Table.Th>
            <Table.Td>
              <Progress value={100 * value} aria-label={label} />
            </Table.Td>
            <Table.Td w={70} ta="right">
              {value.toFixed(3)}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function numbersOf({ datatype, data }: Tensor): number[] | undefined {
  return datatype === 'FP32' || datatype === 'FP64' ? Array.from(data as Float32Array) : undefined;
}

/** One row of at least two numbers from 0 to 1. */
function isProbabilities({ shape }: Tensor, values: number[]): boolean {
  const row = shape.at(-1) ?? 1;
  return values.length > 1 && values.length === row && row <= 1000 && values.every((value) => value >= 0 && value <= 1);
}

/** All in their order where they are few, else the most likely. */
function topOf(values: number[], labels: string[] | undefined): Bar[] {
  const bars = values.map((value, i) => ({ label: labels?.[i] ?? String(i), value }));
  return bars.length <= MAX_BARS ? bars : bars.sort((a, b) => b.value - a.value).slice(0, MAX_BARS);
}

function firstValues({ data, datatype }: Tensor): string {
  const shown = Array.from<unknown>(data.slice(0, MAX_SHOWN) as ArrayLike<unknown>).map((value) =>
    datatype === 'BYTES' ? JSON.stringify(new TextDecoder().decode(value as Uint8Array)) : String(value),
  );
  return data.length > MAX_SHOWN ? `${shown.join(', ')}, … (${data.length.toLocaleString()})` : shown.join(', ');
}
