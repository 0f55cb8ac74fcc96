/** One version: its details, and a playground, each under its own address. */
import type { Version } from '@lepton-edge/protocol';
import { Alert, Stack, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from 'react-router';
import { Loaded } from '../../components/answer-states.tsx';
import { StateBadge } from '../../components/badges.tsx';
import { PageHeading } from '../../components/page-heading.tsx';
import { Trail } from '../../components/trail.tsx';
import { useClient } from '../../session/session.tsx';
import { Playground } from '../playground/playground.tsx';
import { Details } from './details.tsx';

/** An admission takes seconds. */
const ADMITTING_REFRESH_MS = 1_000;

const ALERTS: Partial<Record<Version['state'], { color: string; title: string }>> = {
  admitting: { color: 'blue', title: 'This version is still being checked' },
  rejected: { color: 'red', title: 'This version was rejected' },
  archived: { color: 'gray', title: 'This version is archived' },
};

export function VersionPage({ tab }: { tab: 'details' | 'playground' }) {
  const { model = '', version = '' } = useParams();
  const client = useClient();
  const navigate = useNavigate();
  const query = useQuery({
    queryKey: ['versions', model, version],
    queryFn: ({ signal }) => client.versions.get(model, Number(version), { signal }),
    refetchInterval: ({ state }) => (state.data?.state === 'admitting' ? ADMITTING_REFRESH_MS : false),
  });
  const base = `/models/${model}/versions/${version}`;
  return (
    <Stack>
      <Trail
        parents={[
          { to: '/models', label: 'Models' },
          { to: `/models/${model}`, label: model },
        ]}
        here={`version ${version}`}
      />
      <PageHeading title={`${model}@${version}`}>{query.data && <StateBadge state={query.data.state} />}</PageHeading>
      <Loaded query={query}>
        {(data) => (
          <>
            <StateAlert version={data} />
            <Tabs
              value={tab}
              onChange={(value) => navigate(value === 'playground' ? `${base}/playground` : base)}
              keepMounted={false}
            >
              <Tabs.List aria-label="What to see of this version">
                <Tabs.Tab value="details">Details</Tabs.Tab>
                <Tabs.Tab value="playground">Playground</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="details" pt="md">
                <Details version={data} />
              </Tabs.Panel>
              <Tabs.Panel value="playground" pt="md">
                <Playground key={`${data.model}@${data.version}`} version={data} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Stack>
  );
}

function StateAlert({ version: { state, reason } }: { version: Version }) {
  const alert = ALERTS[state];
  if (!alert) return null;
  return <Alert {...alert}>{reason}</Alert>;
}
