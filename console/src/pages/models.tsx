/** Every model that the key may see. */
import type { Model } from '@lepton-edge/protocol';
import { Code, Group, Stack, Text, Title } from '@mantine/core';
import { Empty, Loaded } from '../components/answer-states.tsx';
import { StateBadge } from '../components/badges.tsx';
import { DataTable } from '../components/data-table.tsx';
import { PageLink } from '../components/frame.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { useClient } from '../session/session.tsx';
import { usePages } from '../use-pages.ts';

const FIRST_MODEL = `curl -H "authorization: Bearer $KEY" -H 'content-type: application/json' ${location.origin}/api/models -d '{"name": "my-model"}'
curl -H "authorization: Bearer $KEY" -X POST -T model.onnx ${location.origin}/api/models/my-model/versions`;

export function ModelsPage() {
  const client = useClient();
  const query = usePages(['models'], (options) => client.models.list(options));
  return (
    <Stack>
      <Title order={1} size="h2">
        Models
      </Title>
      <Loaded query={query}>
        {(models) =>
          models.length === 0 ? (
            <Empty title="No models yet">
              <Text size="sm">Make one and upload an ONNX file as its first version:</Text>
              <Code block>{FIRST_MODEL}</Code>
            </Empty>
          ) : (
            <DataTable
              label="Models"
              minWidth={760}
              head={['Name', 'Task', 'Versions', 'Seen by', 'Description']}
              rows={models.map((model) => ({ key: model.name, cells: cellsOf(model) }))}
            />
          )
        }
      </Loaded>
      <MoreButton query={query} />
    </Stack>
  );
}

function cellsOf(model: Model) {
  return [
    <PageLink key="name" to={`/models/${model.name}`}>
      {model.name}
    </PageLink>,
    model.task,
    model.latestVersion ?? <StateBadge key="none" state="none" />,
    <Group key="visibility" gap={4} wrap="nowrap">
      <Text size="sm">{model.visibility === 'public' ? 'everyone' : 'its team'}</Text>
    </Group>,
    <Text key="description" size="sm" c="dimmed">
      {model.description}
    </Text>,
  ];
}
