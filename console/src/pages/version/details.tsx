/** What is known of a version: its signature, where it runs, its manifest, its files. */
import type { TensorSpec, Version } from '@lepton-edge/protocol';
import { Code, SimpleGrid, Stack, Text } from '@mantine/core';
import { DataTable } from '../../components/data-table.tsx';
import { Digest } from '../../components/digest.tsx';
import { Facts } from '../../components/facts.tsx';
import { Section } from '../../components/section.tsx';
import { formatBytes, formatSeconds, formatShape, formatTime } from '../../format/format.ts';
import { Inspection } from './inspection.tsx';
import { Trials } from './trials.tsx';

export function Details({ version }: { version: Version }) {
  const { manifest, admission } = version;
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Signature title="Inputs" specs={manifest.inputs} />
        <Signature title="Outputs" specs={manifest.outputs} />
        <Placement version={version} />
        <About version={version} />
      </SimpleGrid>
      {manifest.card && (
        <Section title="Card">
          <Text style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{manifest.card}</Text>
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
              <Digest key="digest" value={file.digest} of={file.path} />,
            ],
          }))}
        />
      </Section>
      {admission && <Trials admission={admission} />}
      {admission?.inspection && <Inspection report={admission.inspection} />}
    </Stack>
  );
}

function Signature({ title, specs }: { title: string; specs: TensorSpec[] }) {
  return (
    <Section title={title}>
      <DataTable
        label={title}
        minWidth={260}
        head={['Name', 'Datatype', 'Shape']}
        rows={specs.map(({ name, datatype, shape }) => ({
          key: name,
          cells: [
            <Code key="name" style={{ overflowWrap: 'anywhere' }}>
              {name}
            </Code>,
            datatype,
            formatShape(shape),
          ],
        }))}
      />
    </Section>
  );
}

const POLICIES: Record<Version['manifest']['placement']['policy'], string> = {
  auto: 'auto: the gateway decides for each request',
  edge: 'edge: only in the Worker',
  node: 'node: only on nodes',
};

function Placement({ version: { manifest, admission } }: { version: Version }) {
  const { placement, stateful, deterministic, batching } = manifest;
  const edge = admission?.edgeEligible ? 'possible' : `not possible: ${admission?.edgeReason ?? 'not known yet'}`;
  return (
    <Section title="Where it runs">
      <Facts
        facts={[
          ['Policy', POLICIES[placement.policy]],
          ['Regions', placement.regions?.join(', ')],
          ['At the edge', edge],
          ['Batching', batching && `up to ${batching.maxBatchSize}, waiting at most ${batching.maxDelayMs} ms`],
          ['Answers follow', stateful ? 'from more than the inputs' : 'from the inputs alone'],
          ['Deterministic', deterministic === undefined ? undefined : deterministic ? 'yes' : 'no'],
        ]}
      />
    </Section>
  );
}

function About({ version }: { version: Version }) {
  const { task, format, license, cache, labels } = version.manifest;
  return (
    <Section title="What it is">
      <Facts
        facts={[
          ['Digest', <Digest key="digest" value={version.digest} of="this version" />],
          ['Task', task],
          ['Format', format],
          ['Size', formatBytes(version.sizeBytes)],
          ['Made', formatTime(version.createdAt)],
          ['By', version.createdBy],
          ['Licence', license],
          ['Cache', cacheText(cache)],
          ['Labels', labelsText(labels)],
        ]}
      />
    </Section>
  );
}

function cacheText(cache: Version['manifest']['cache']): string {
  const { ttlSeconds, scope, staleWhileRevalidateSeconds, staleIfErrorSeconds } = cache;
  if (ttlSeconds === 0) return 'off';
  const parts = [`${formatSeconds(ttlSeconds)}, shared by ${scope === 'team' ? 'its team' : 'all teams'}`];
  if (staleWhileRevalidateSeconds) parts.push(`stale for ${formatSeconds(staleWhileRevalidateSeconds)} while made new`);
  if (staleIfErrorSeconds) parts.push(`stale for ${formatSeconds(staleIfErrorSeconds)} where that fails`);
  return parts.join('; ');
}

function labelsText(labels: Version['manifest']['labels']): string | undefined {
  if (!labels) return undefined;
  if (!Array.isArray(labels)) return `in ${labels.path}`;
  const shown = labels.slice(0, 20).join(', ');
  return labels.length > 20 ? `${shown}, … (${labels.length})` : shown;
}
