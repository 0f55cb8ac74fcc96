/** What trying a version before it served showed, at the edge and on a node. */
import type { Admission, EngineTrial, TrialFailure, TrialReport } from '@lepton-edge/protocol';
import { List, Stack, Text } from '@mantine/core';
import { DataTable } from '../../components/data-table.tsx';
import { Section } from '../../components/section.tsx';
import { formatBytes } from '../../format/format.ts';

export function Trials({ admission }: { admission: Admission }) {
  const { edge, edgeFailure, node, nodeFailure, notes } = admission;
  const reports = [edge, node].filter((report) => report !== undefined);
  const failures = [
    { where: 'the edge', failure: edgeFailure },
    { where: 'a node', failure: nodeFailure },
  ].filter((entry): entry is { where: string; failure: TrialFailure } => entry.failure !== undefined);
  if (reports.length + failures.length + notes.length === 0) return null;
  return (
    <Section title="Trial runs">
      <Stack gap="sm">
        {reports.length > 0 && (
          <DataTable
            label="Trial runs"
            head={['Where', 'Load', 'One run', 'An item in 4', 'An item in 8', 'Heap', 'Batches', 'Repeats']}
            rows={reports.map((report) => ({ key: report.where, cells: cellsOf(report) }))}
          />
        )}
        {(node?.engines ?? []).map((trial) => (
          <Text key={trial.engine} style={{ overflowWrap: 'anywhere' }}>
            {engineText(trial)}
          </Text>
        ))}
        {failures.map(({ where, failure }) => (
          <Text key={where} style={{ overflowWrap: 'anywhere' }}>
            On {where}: {failure.message}
          </Text>
        ))}
        {notes.length > 0 && (
          <List size="sm">
            {notes.map((note) => (
              <List.Item key={note}>{note}</List.Item>
            ))}
          </List>
        )}
      </Stack>
    </Section>
  );
}

const OUTCOMES: Record<EngineTrial['outcome'], string> = {
  ran: 'ran',
  differs: 'answered otherwise than on the CPU, so nodes do not run it there',
  refused: 'was not taken',
  failed: 'failed, so nodes do not run it there',
};

function engineText({ engine, device, outcome, reason, loadMs, runMs, maxDifference }: EngineTrial) {
  const times = runMs === undefined ? undefined : `load ${ms(loadMs)}, one run ${ms(runMs)}`;
  const difference = maxDifference === undefined ? undefined : `up to ${maxDifference} from the CPU’s answer`;
  const details = [times, difference, reason].filter((part) => part !== undefined);
  return `On ${engine} (${device}) it ${OUTCOMES[outcome]}${details.length === 0 ? '' : `: ${details.join(', ')}`}.`;
}

function cellsOf({ where, engine, loadMs, runMs, perItemMs, wasmBytes, batchInvariant, deterministic }: TrialReport) {
  return [
    `${where} (${engine})`,
    ms(loadMs),
    ms(runMs),
    ms(perItemMs['4']),
    ms(perItemMs['8']),
    wasmBytes === undefined ? '–' : formatBytes(wasmBytes),
    batchInvariant === undefined ? '–' : batchInvariant ? 'same answers' : 'other answers',
    deterministic ? 'same answer' : 'other answer',
  ];
}

function ms(value: number | undefined): string {
  if (value === undefined) return '–';
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
}
