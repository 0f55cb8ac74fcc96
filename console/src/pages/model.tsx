/** One model: what it is, where its aliases point, and its versions. */
import type { Alias, Version } from '@lepton-edge/protocol';
import { Anchor, Badge, Breadcrumbs, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';
import { Empty, Loaded } from '../components/answer-states.tsx';
import { StateBadge } from '../components/badges.tsx';
import { DataTable } from '../components/data-table.tsx';
import { PageLink } from '../components/frame.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { formatBytes, formatTime } from '../format/format.ts';
import { useClient } from '../session/session.tsx';
import { usePages } from '../use-pages.ts';

export function ModelPage() {
  const { model = '' } = useParams();
  const client = useClient();
  const details = useQuery({
    queryKey: ['models', model],
    queryFn: ({ signal }) => client.models.get(model, { signal }),
  });
  const aliases = usePages(['aliases', model], (options) => client.aliases.list(model, options));
  const versions = usePages(['versions', model], (options) => client.versions.list(model, options));
  return (
    <Stack>
      <Breadcrumbs>
        <Anchor component={Link} to="/models">
          Models
        </Anchor>
        <Text>{model}</Text>
      </Breadcrumbs>
      <Title order={1} size="h2">
        {model}
      </Title>
      <Loaded query={details}>
        {({ task, visibility, description, labels }) => (
          <Stack gap="xs">
            {description && <Text>{description}</Text>}
            <Group gap="xs">
              <Badge variant="light">{task}</Badge>
              <Badge variant="light" color="gray">
                {visibility}
              </Badge>
              {Object.entries(labels).map(([name, value]) => (
                <Badge key={name} variant="outline" color="gray" tt="none">
                  {name}: {value}
                </Badge>
              ))}
            </Group>
          </Stack>
        )}
      </Loaded>
      <Title order={2} size="h4">
        Aliases
      </Title>
      <Loaded query={aliases}>{(items) => <Aliases aliases={items} model={model} />}</Loaded>
      <Title order={2} size="h4">
        Versions
      </Title>
      <Loaded query={versions}>{(items) => <Versions versions={items} />}</Loaded>
      <MoreButton query={versions} />
    </Stack>
  );
}

function Aliases({ aliases, model }: { aliases: Alias[]; model: string }) {
  if (aliases.length === 0) {
    return <Text c="dimmed">None yet: “{model}” stands for its newest ready version.</Text>;
  }
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {aliases.map(({ alias, targets, revision, reason, updatedAt }) => (
        <Card key={alias} withBorder padding="sm">
          <Group justify="space-between">
            <Text fw={600}>{alias}</Text>
            <Text size="xs" c="dimmed">
              revision {revision}
            </Text>
          </Group>
          <Text size="sm">{shares(targets)}</Text>
          <Text size="xs" c="dimmed">
            {reason} · {formatTime(updatedAt)}
          </Text>
        </Card>
      ))}
    </SimpleGrid>
  );
}

/** `version 3`, or `version 3: 90 %, version 4: 10 %`. */
function shares(targets: Alias['targets']): string {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  if (targets.length === 1) return `version ${targets[0]?.version}`;
  return targets.map(({ version, weight }) => `version ${version}: ${Math.round((100 * weight) / total)} %`).join(', ');
}

function Versions({ versions }: { versions: Version[] }) {
  if (versions.length === 0) {
    return <Empty title="No versions yet">Upload an ONNX file to make the first.</Empty>;
  }
  return (
    <DataTable
      label="Versions"
      minWidth={600}
      head={['Version', 'State', 'Runs', 'Size', 'Made']}
      rows={versions.map((version) => ({
        key: String(version.version),
        cells: [
          <PageLink key="version" to={`/models/${version.model}/versions/${version.version}`}>
            {version.version}
          </PageLink>,
          <StateBadge key="state" state={version.state} reason={version.reason} />,
          whereItRuns(version),
          formatBytes(version.sizeBytes),
          formatTime(version.createdAt),
        ],
      }))}
    />
  );
}

function whereItRuns({ manifest, admission }: Version): string {
  const { policy } = manifest.placement;
  if (policy !== 'auto') return policy === 'edge' ? 'at the edge' : 'on nodes';
  return admission?.edgeEligible ? 'at the edge or on nodes' : 'on nodes';
}
