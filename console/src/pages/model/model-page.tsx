/** One model: what it is, where its aliases point, and its versions. */
import type { Model } from '@lepton-edge/protocol';
import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { Loaded } from '../../components/answer-states.tsx';
import { MoreButton } from '../../components/more-button.tsx';
import { PageHeading } from '../../components/page-heading.tsx';
import { Section } from '../../components/section.tsx';
import { Trail } from '../../components/trail.tsx';
import { useClient } from '../../session/session.tsx';
import { usePages } from '../../use-pages.ts';
import { Aliases } from './aliases.tsx';
import { Versions } from './versions.tsx';

export function ModelPage() {
  const { model = '' } = useParams();
  const client = useClient();
  const details = useQuery({
    queryKey: ['models', model],
    queryFn: ({ signal }) => client.models.get(model, { signal }),
  });
  return (
    <Stack>
      <Trail parents={[{ to: '/models', label: 'Models' }]} here={model} />
      <PageHeading title={model} />
      <Loaded query={details}>
        {(data) => (
          <>
            <About model={data} />
            <Lists model={model} />
          </>
        )}
      </Loaded>
    </Stack>
  );
}

/** Asked for only once the model is known to be there, so that a wrong name is one failure, not three. */
function Lists({ model }: { model: string }) {
  const client = useClient();
  const aliases = usePages(['aliases', model], (options) => client.aliases.list(model, options));
  const versions = usePages(['versions', model], (options) => client.versions.list(model, options));
  return (
    <>
      <Section title="Aliases">
        <Loaded query={aliases}>{(items) => <Aliases aliases={items} model={model} />}</Loaded>
        <MoreButton query={aliases} />
      </Section>
      <Section title="Versions">
        <Loaded query={versions}>{(items) => <Versions versions={items} model={model} />}</Loaded>
        <MoreButton query={versions} />
      </Section>
    </>
  );
}

function About({ model: { task, visibility, team, description, labels } }: { model: Model }) {
  return (
    <Stack gap="xs">
      {description && <Text>{description}</Text>}
      <Group gap="xs">
        <Badge variant="light" tt="none">
          {task}
        </Badge>
        <Badge variant="default" tt="none">
          {visibility}
        </Badge>
        <Badge variant="default" tt="none">
          {team}
        </Badge>
        {Object.entries(labels).map(([name, value]) => (
          <Badge key={name} variant="outline" color="gray" tt="none">
            {name}: {value}
          </Badge>
        ))}
      </Group>
    </Stack>
  );
}
