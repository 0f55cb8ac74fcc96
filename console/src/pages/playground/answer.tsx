/** What an inference answered: where it ran, where the time went, and its outputs. */
import type { InferResult } from '@lepton-edge/client';
import { Code, Stack } from '@mantine/core';
import { StateBadge } from '../../components/badges.tsx';
import { Facts } from '../../components/facts.tsx';
import { formatMs } from '../../format/format.ts';
import { Output } from './output.tsx';

interface Props {
  result: InferResult;
  /** From the request to the whole answer, as measured in this browser. */
  totalMs: number;
  labels: string[] | undefined;
}

export function Answer({ result, totalMs, labels }: Props) {
  const phases = Object.entries(result.timing).map(([name, ms]) => `${name} ${formatMs(ms)}`);
  return (
    <Stack>
      <Facts
        facts={[
          ['Placement', <Code key="placement">{result.placement}</Code>],
          ['Cache', <StateBadge key="cache" state={result.cache} />],
          ['Total', `${formatMs(totalMs)} as this browser sees it`],
          ['Server timing', phases.length > 0 ? phases.join(' · ') : 'no phase took measurable time'],
          ['Model', result.model],
          ['Request', <Code key="request">{result.requestId}</Code>],
        ]}
      />
      {result.outputs.map((output) => (
        <Output key={output.name} output={output} labels={labels} />
      ))}
    </Stack>
  );
}
