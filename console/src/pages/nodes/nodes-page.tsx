/** The fleet: every node, whether it lives, and what it has to do. */
import type { Node } from '@lepton-edge/protocol';
import { Code, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Empty, Loaded } from '../../components/answer-states.tsx';
import { StateBadge } from '../../components/badges.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { MoreButton } from '../../components/more-button.tsx';
import { PageHeading } from '../../components/page-heading.tsx';
import { PageLink } from '../../components/page-link.tsx';
import { formatAge, formatBytes, formatTime } from '../../format/format.ts';
import { useClient } from '../../session/session.tsx';
import { usePages } from '../../use-pages.ts';
import { DrainButton } from './drain-button.tsx';

const REFRESH_MS = 2_000;
const ADD_NODE = `curl -X POST -H "authorization: Bearer $KEY" ${location.origin}/api/nodes/tokens
LEPTON_TOKEN=lnt_… node gpu-node/src/main.ts --gateway ${location.origin} --name gpu-1 --url https://gpu-1.example.com`;

export function NodesPage() {
  const client = useClient();
  const query = usePages(['nodes'], (options) => client.nodes.list(options), REFRESH_MS);
  const now = useNow();
  return (
    <Stack>
      <PageHeading title="Nodes" />
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
              minWidth={1300}
              head={[
                'Name',
                'State',
                'Region',
                'Engines',
                'Loaded',
                'Pinned',
                'Working on',
                'Memory',
                'Seen',
                'Address',
                '',
              ]}
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
    <div key="name">
      <Text size="sm" fw={600} style={{ whiteSpace: 'nowrap' }}>
        {node.name}
      </Text>
      {node.softwareVersion && (
        <Text size="xs" c="dimmed">
          {node.softwareVersion}
        </Text>
      )}
    </div>,
    <div key="state">
      <StateBadge state={node.state} />
      {node.warnings.map((warning) => (
        <Text key={warning} size="xs" c="orange">
          {warning}
        </Text>
      ))}
    </div>,
    node.region ?? 'none',
    node.engines.map(({ name, device, adapter }) => (
      <div key={name} title={adapter?.features.join(', ')}>
        <Text size="sm">
          {name}
          {adapter?.software && ' (software)'}
        </Text>
        <Text size="xs" c="dimmed">
          {[device, adapter?.vendor, adapter?.architecture].filter(Boolean).join(', ')}
        </Text>
      </div>
    )),
    <Loading key="loaded" node={node} />,
    <Pins key="pins" node={node} />,
    <Text key="work" size="sm" style={{ whiteSpace: 'nowrap' }}>
      {node.inFlight} running, {node.queued} waiting
    </Text>,
    <Text key="memory" size="sm" style={{ whiteSpace: 'nowrap' }}>
      {formatBytes(node.rssBytes)}
    </Text>,
    <Text key="seen" size="sm" style={{ whiteSpace: 'nowrap' }}>
      {node.lastSeenAt ? formatAge(node.lastSeenAt, now) : 'never'}
    </Text>,
    <Code key="url">{node.url}</Code>,
    <DrainButton key="drain" node={node} />,
  ];
}

function Loading({ node }: { node: Node }) {
  if (node.loaded.length === 0) return <Text size="sm">none</Text>;
  return node.loaded.map(({ model, version }) => (
    <div key={`${model}@${version}`}>
      <PageLink to={`/models/${model}/versions/${version}`}>
        {model}@{version}
      </PageLink>
    </div>
  ));
}

/** What it is to keep loaded, and why it is not. */
function Pins({ node }: { node: Node }) {
  if (node.pins.length === 0) return <Text size="sm">none</Text>;
  return node.pins.map(({ reference, version, state, reason, nextTryAt }) => (
    <div key={`${reference} ${version}`}>
      <Text size="sm">
        {reference}: {state}
        {version !== undefined && `, version ${version}`}
      </Text>
      {reason && (
        <Text size="xs" c="dimmed">
          {reason}
          {nextTryAt && ` Next try at ${formatTime(nextTryAt)}.`}
        </Text>
      )}
    </div>
  ));
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
