/** One version: its signature, its files, what inspection found, and a playground. */
import type { TensorSpec, Version } from '@lepton-edge/protocol';
import { Anchor, Breadcrumbs, Card, Code, Group, SimpleGrid, Stack, Tabs, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from 'react-router';
import { Loaded } from '../components/answer-states.tsx';
import { StateBadge } from '../components/badges.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Digest } from '../components/digest.tsx';
import { Facts } from '../components/facts.tsx';
import { formatBytes, formatShape, formatTime } from '../format/format.ts';
import { useClient } from '../session/session.tsx';
import { Playground } from './playground/playground.tsx';

export function VersionPage() {
  const { model = '', version = '', tab } = useParams();
  const client = useClient();
  const navigate = useNavigate();
  const query = useQuery({
    queryKey: ['versions', model, version],
    queryFn: ({ signal }) => client.versions.get(model, Number(version), { signal }),
  });
  const base = `/models/${model}/versions/${version}`;
  return (
    <Stack>
      <Breadcrumbs>
        <Anchor component={Link} to="/models">
          Models
        </Anchor>
        <Anchor component={Link} to={`/models/${model}`}>
          {model}
        </Anchor>
        <Text>version {version}</Text>
      </Breadcrumbs>
      <Loaded query={query}>
        {(data) => (
          <>
            <Group>
              <Title order={1} size="h2">
                {model}@{version}
              </Title>
              <StateBadge state={data.state} reason={data.reason} />
            </Group>
            <Tabs
              value={tab === 'playground' ? 'playground' : 'details'}
              onChange={(value) => navigate(value === 'playground' ? `${base}/playground` : base)}
              keepMounted={false}
            >
              <Tabs.List>
                <Tabs.Tab value="details">Details</Tabs.Tab>
                <Tabs.Tab value="playground">Playground</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="details" pt="md">
                <Details version={data} />
              </Tabs.Panel>
              <Tabs.Panel value="playground" pt="md">
                <Playground key={data.digest} version={data} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Stack>
  );
}

function Details({ version }: { version: Version }) {
  const { manifest } = version;
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Signature title="Inputs" specs={manifest.inputs} />
        <Signature title="Outputs" specs={manifest.outputs} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section title="Where it runs">
          <Placement version={version} />
        </Section>
        <Section title="What it is">
          <Facts
            facts={[
              ['Digest', <Digest key="digest" value={version.digest} />],
              ['Size', formatBytes(version.sizeBytes)],
              ['Made', formatTime(version.createdAt)],
              ['By', version.createdBy],
              ['Licence', manifest.license],
              [
                'Cache',
                `${manifest.cache.ttlSeconds} s, shared within ${manifest.cache.scope === 'team' ? 'a team' : 'the gateway'}`,
              ],
              ['Labels', labelsText(manifest.labels)],
            ]}
          />
        </Section>
      </SimpleGrid>
      {manifest.card && (
        <Section title="Card">
          <Text style={{ whiteSpace: 'pre-wrap' }}>{manifest.card}</Text>
        </Section>
      )}
      <Section title="Files">
        <DataTable
          label="Files"
          head={['Path', 'Size', 'Digest']}
          rows={manifest.files.map((file) => ({
            key: file.path,
            cells: [
              <Code key="path">{file.path}</Code>,
              formatBytes(file.sizeBytes),
              <Digest key="digest" value={file.digest} />,
            ],
          }))}
        />
      </Section>
      <Inspection version={version} />
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} size="h5" mb="xs">
        {title}
      </Title>
      {children}
    </Card>
  );
}

function Signature({ title, specs }: { title: string; specs: TensorSpec[] }) {
  return (
    <Section title={title}>
      <DataTable
        label={title}
        head={['Name', 'Datatype', 'Shape']}
        rows={specs.map(({ name, datatype, shape }) => ({
          key: name,
          cells: [<Code key="name">{name}</Code>, datatype, formatShape(shape)],
        }))}
      />
    </Section>
  );
}

function Placement({ version: { manifest, admission } }: { version: Version }) {
  const { policy, regions } = manifest.placement;
  return (
    <Facts
      facts={[
        ['Policy', policy],
        ['Regions', regions?.join(', ')],
        [
          'At the edge',
          admission?.edgeEligible ? 'possible' : `not possible: ${admission?.edgeReason ?? 'not known yet'}`,
        ],
        ['Answers depend on', manifest.stateful ? 'more than the inputs' : 'the inputs alone'],
      ]}
    />
  );
}

function Inspection({ version: { admission } }: { version: Version }) {
  if (!admission) return null;
  const { irVersion, opsets, operators, parameterCount, producer } = admission.inspection;
  const byCount = Object.entries(operators).sort(([, a], [, b]) => b - a);
  return (
    <Section title="Inspection">
      <Facts
        facts={[
          ['Parameters', parameterCount.toLocaleString()],
          [
            'Opsets',
            Object.entries(opsets)
              .map(([domain, number]) => `${domain} ${number}`)
              .join(', '),
          ],
          ['IR version', irVersion],
          ['Made with', producer],
          ['Operators', byCount.map(([name, count]) => `${name} × ${count}`).join(', ')],
        ]}
      />
    </Section>
  );
}

function labelsText(labels: Version['manifest']['labels']): string | undefined {
  if (!labels) return undefined;
  if (!Array.isArray(labels)) return labels.path;
  const shown = labels.slice(0, 20).join(', ');
  return labels.length > 20 ? `${shown}, … (${labels.length})` : shown;
}
