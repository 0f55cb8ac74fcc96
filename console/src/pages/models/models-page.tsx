/** Every model that the key may see. */
import type { Model } from '@lepton-edge/protocol';
import { Code, Stack, Text } from '@mantine/core';
import { Empty, Loaded } from '../../components/answer-states.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { MoreButton } from '../../components/more-button.tsx';
import { PageHeading } from '../../components/page-heading.tsx';
import { PageLink } from '../../components/page-link.tsx';
import { useClient } from '../../session/session.tsx';
import { usePages } from '../../use-pages.ts';
import { uploadCommand } from '../model/upload-command.ts';

const FIRST_MODEL = `curl -H "authorization: Bearer $KEY" -H 'content-type: application/json' \\
  ${location.origin}/api/models -d '{"name": "my-model"}'
${uploadCommand('my-model')}`;

export function ModelsPage() {
  const client = useClient();
  const query = usePages(['models'], (options) => client.models.list(options));
  return (
    <Stack>
      <PageHeading title="Models" />
      <Loaded query={query}>
        {(models) =>
          models.length === 0 ? (
            <Empty title="No models yet">
              <Text size="sm">Make one and upload an ONNX file as its first version:</Text>
              <Code block>{FIRST_MODEL}</Code>
              <div>
                <CopyButton size="xs" text={() => FIRST_MODEL}>
                  Copy the commands
                </CopyButton>
              </div>
            </Empty>
          ) : (
            <DataTable
              label="Models"
              minWidth={860}
              head={['Name', 'Task', 'Team', 'Visibility', 'Newest version', 'Description']}
              rows={models.map((model) => ({ key: model.name, cells: cellsOf(model) }))}
            />
          )
        }
      </Loaded>
      <MoreButton query={query} />
    </Stack>
  );
}

function cellsOf({ name, task, team, visibility, latestVersion, description }: Model) {
  return [
    <PageLink key="name" to={`/models/${name}`}>
      {name}
    </PageLink>,
    task,
    team,
    visibility,
    latestVersion === undefined ? (
      'none'
    ) : (
      <PageLink key="version" to={`/models/${name}/versions/${latestVersion}`}>
        {latestVersion}
      </PageLink>
    ),
    <Text key="description" size="sm" c="dimmed" lineClamp={2}>
      {description}
    </Text>,
  ];
}
