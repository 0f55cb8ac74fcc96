/** The fleet: every node, whether it lives, and what it has to do. */
import type { Node } from '@lepton-edge/protocol';
import { Badge, Code, Group, Stack, Text, Title, Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Empty, Loaded } from '../components/answer-states.tsx';
import { StateBadge } from '../components/badges.tsx';
import { DataTable } from '../components/data-table.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { formatAge, formatBytes } from '../format/format.ts';
import { useClient } from '../session/session.tsx';
import { usePages } from '../use-pages.ts';

const REFRESH_MS = 2_000;
const ADD_NODE = `curl -X POST -H "authorization: Bearer $KEY" ${location.origin}/api/nodes/tokens
node gpu-node/src/main.ts --gateway ${location.origin} --token lnt_… --name gpu-1 --url https://gpu-1.example.com`;

export function NodesPage() {
  const client = useClient();
  const query = usePages(['nodes'], (options) => client.nodes.list(options), REFRESH_MS);
  const now = useNow();
  return (
    <Stack>
      <Title order={1} size="h2">
        Nodes
      </Title>
      <Loaded query={query}>
        {(nodes) =>
          nodes.length === 0 ? (
            <Empty title="No nodes yet">
              <Text size="sm">
                Small models run at the edge without one. For larger ones make a token, and start a node with it:
              </Text>
              <Code block>{ADD_NODE}</Code>
            </Empty>
          ) : (
            <DataTable
              label="Nodes"
              minWidth={1000}
              head={['Name', 'State', 'Engine', 'Loaded', 'Working on', 'Memory', 'Seen', 'Address']}
              rows={nodes.map((node) => ({ key: node.id, cells: cellsOf(node, now) }))}
            />
          )
        }
      </Loaded>
      <MoreButton query={query} />
    </Stack>
  );
}

function cellsOf(node: Node, now: number) {
  return [
    <Text key="name" fw={600} style={{ whiteSpace: 'nowrap' }}>
      {node.name}
      {node.region && ` · ${node.region}`}
    </Text>,
    <StateBadge key="state" state={node.state} />,
    node.engines.map(({ name, device }) => (
      <Text key={name} size="sm" title={device}>
        {name}
      </Text>
    )),
    <Loading key="loaded" node={node} />,
    `${node.inFlight} running, ${node.queued} waiting`,
    formatBytes(node.rssBytes),
    node.lastSeenAt ? formatAge(node.lastSeenAt, now) : 'never',
    <Code key="url">{node.url}</Code>,
  ];
}

function Loading({ node }: { node: Node }) {
  if (node.loaded.length === 0) return <Text c="dimmed">none</Text>;
  return (
    <Group gap={4}>
      {node.loaded.map(({ model, version, digest }) => (
        <Tooltip key={`${model}@${version}`} label={digest}>
          <Badge variant="light" tt="none">
            {model}@{version}
          </Badge>
        </Tooltip>
      ))}
    </Group>
  );
}

/** The time, a second at a time. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
