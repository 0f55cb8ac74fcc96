/** A model's versions: their state, and where each may run. */
import type { Version } from '@lepton-edge/protocol';
import { Code, Text } from '@mantine/core';
import { Empty } from '../../components/answer-states.tsx';
import { StateBadge } from '../../components/badges.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { PageLink } from '../../components/page-link.tsx';
import { formatBytes, formatTime } from '../../format/format.ts';
import { uploadCommand } from './upload-command.ts';

export function Versions({ versions, model }: { versions: Version[]; model: string }) {
  if (versions.length === 0) {
    return (
      <Empty title="No versions yet">
        <Text size="sm">Upload an ONNX file to make the first:</Text>
        <Code block>{uploadCommand(model)}</Code>
      </Empty>
    );
  }
  return (
    <DataTable
      label="Versions"
      minWidth={640}
      head={['Version', 'State', 'Runs', 'Size', 'Made']}
      rows={versions.map((version) => ({ key: String(version.version), cells: cellsOf(version) }))}
    />
  );
}

function cellsOf(version: Version) {
  return [
    <PageLink key="version" to={`/models/${version.model}/versions/${version.version}`}>
      {version.version}
    </PageLink>,
    <div key="state">
      <StateBadge state={version.state} />
      {version.reason && (
        <Text size="xs" c="dimmed">
          {version.reason}
        </Text>
      )}
    </div>,
    whereItRuns(version),
    formatBytes(version.sizeBytes),
    formatTime(version.createdAt),
  ];
}

function whereItRuns({ manifest: { placement }, admission }: Version): string {
  const regions = placement.regions?.length ? ` in ${placement.regions.join(', ')}` : '';
  if (placement.policy === 'edge') return 'at the edge';
  if (placement.policy === 'auto' && admission?.edgeEligible) return `at the edge or on nodes${regions}`;
  return `on nodes${regions}`;
}
