/** Takes a node out of work once that is confirmed, or gives it back. */
import type { Node } from '@lepton-edge/protocol';
import { Button, Group, Popover, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../session/session.tsx';

export function DrainButton({ node }: { node: Node }) {
  const client = useClient();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const change = useMutation({
    mutationFn: () => (node.drained ? client.nodes.resume(node.id) : client.nodes.drain(node.id)),
    onSuccess: () => {
      setAsking(false);
      return queries.invalidateQueries({ queryKey: ['nodes'] });
    },
  });
  const verb = node.drained ? 'Resume' : 'Drain';
  return (
    <Popover opened={asking} onChange={setAsking} trapFocus returnFocus withArrow width={280} position="bottom-end">
      <Popover.Target>
        <Button size="compact-sm" variant="default" onClick={() => setAsking(!asking)}>
          {verb}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={`${verb} ${node.name}`}>
        <Stack gap="xs">
          <Text size="sm">
            {node.drained
              ? `${node.name} is given work again.`
              : `${node.name} finishes what it has and gets no more work, also when it is started again, until it is resumed.`}
          </Text>
          {change.error && (
            <Text size="sm" c="red" role="alert">
              {change.error.message}
            </Text>
          )}
          <Group gap="xs">
            <Button size="compact-sm" data-autofocus loading={change.isPending} onClick={() => change.mutate()}>
              {verb} {node.name}
            </Button>
            <Button size="compact-sm" variant="subtle" onClick={() => setAsking(false)}>
              Cancel
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
