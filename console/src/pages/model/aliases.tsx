/** Where a model's aliases point. */
import type { Alias } from '@lepton-edge/protocol';
import { Badge, Group, Text } from '@mantine/core';
import { DataTable } from '../../components/data-table.tsx';
import { PageLink } from '../../components/page-link.tsx';
import { formatTime } from '../../format/format.ts';

export function Aliases({ aliases, model }: { aliases: Alias[]; model: string }) {
  if (aliases.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet: “{model}” stands for its newest ready version.
      </Text>
    );
  }
  return (
    <DataTable
      label="Aliases"
      minWidth={720}
      head={['Alias', 'Points to', 'Revision', 'Reason', 'Moved']}
      rows={aliases.map((alias) => ({ key: alias.alias, cells: cellsOf(alias) }))}
    />
  );
}

function cellsOf({ model, alias, targets, revision, protected: isProtected, reason, updatedAt }: Alias) {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  return [
    <Group key="alias" gap={6} wrap="nowrap">
      <Text size="sm" fw={600}>
        {alias}
      </Text>
      {isProtected && (
        <Badge variant="outline" color="gray" tt="none" size="sm">
          protected
        </Badge>
      )}
    </Group>,
    targets.map(({ version, weight }) => (
      <div key={version}>
        <PageLink to={`/models/${model}/versions/${version}`}>version {version}</PageLink>
        {` ${percent(weight / total)}, weight ${weight}`}
      </div>
    )),
    revision,
    reason,
    formatTime(updatedAt),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}
