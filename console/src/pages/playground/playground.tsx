/** Runs an inference on one version with inputs that can be edited. */
import { GatewayError, type InferResult } from '@lepton-edge/client';
import type { TensorSpec, Version } from '@lepton-edge/protocol';
import {
  Box,
  Button,
  Group,
  Loader,
  NativeSelect,
  SimpleGrid,
  Stack,
  Text,
  Title,
  VisuallyHidden,
} from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Failure } from '../../components/answer-states.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { formatMs } from '../../format/format.ts';
import { useClient } from '../../session/session.tsx';
import { Answer } from './answer.tsx';
import { curlOf } from './curl.ts';
import { InputField } from './input-field.tsx';
import { firstState, type InputState, shapeProblem, tensorOf } from './input-state.ts';
import classes from './playground.module.css';

type Place = '' | 'edge' | 'node';
const PLACES: { value: Place; label: string }[] = [
  { value: '', label: 'automatic' },
  { value: 'edge', label: 'edge' },
  { value: 'node', label: 'node' },
];

interface Ran {
  result: InferResult;
  totalMs: number;
}

export function Playground({ version }: { version: Version }) {
  const client = useClient();
  const { inputs: specs, labels, preprocessing } = version.manifest;
  const [inputs, setInputs] = useState(() => new Map(specs.map((spec) => [spec.name, firstState(spec)])));
  const [place, setPlace] = useState<Place>('');
  const [shown, setShown] = useState<Ran>();
  const [copyError, setCopyError] = useState<unknown>();
  const ref = `${version.model}@${version.version}`;
  const stateOf = (spec: TensorSpec): InputState => inputs.get(spec.name) ?? firstState(spec);
  const tensors = () => specs.map((spec) => tensorOf(spec, stateOf(spec)));
  const run = useMutation<Ran>({
    mutationFn: async () => {
      const sent = tensors();
      const start = performance.now();
      const result = await client.infer(ref, sent, place ? { place } : {});
      return { result, totalMs: performance.now() - start };
    },
    onMutate: () => setCopyError(undefined),
    onSuccess: setShown,
    onError: () => setShown(undefined),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!run.isPending) run.mutate();
  };
  // A shape that fits the signature may still not suit the model, and its own words for that are of no help.
  const mayBeSizes =
    run.error instanceof GatewayError &&
    run.error.status === 400 &&
    specs.some(({ shape }) => shape.includes(-1)) &&
    specs.every((spec) => shapeProblem(spec, stateOf(spec)) === undefined);
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <form onSubmit={submit} aria-label="Request">
        <Stack>
          {specs.map((spec) => (
            <InputField
              key={spec.name}
              spec={spec}
              hint={textOf(preprocessing?.[spec.name])}
              value={stateOf(spec)}
              onChange={(value) => setInputs((all) => new Map(all).set(spec.name, value))}
            />
          ))}
          {specs.length === 0 && <Text c="dimmed">This model has no inputs.</Text>}
          <Group align="flex-end">
            <NativeSelect
              label="Placement"
              data={PLACES}
              value={place}
              onChange={(event) => setPlace(event.currentTarget.value as Place)}
            />
            <Button type="submit" aria-disabled={run.isPending}>
              Run
            </Button>
            <CopyButton text={() => curlOf(location.origin, ref, tensors(), place)} onFailure={setCopyError}>
              Copy as curl
            </CopyButton>
          </Group>
          {copyError !== undefined && <Failure error={copyError} />}
        </Stack>
      </form>
      <section aria-label="Answer" aria-busy={run.isPending} className={classes.answer}>
        <Group mb="xs" h={24}>
          <Title order={2} size="h5">
            Answer
          </Title>
          {run.isPending && <Loader size="xs" aria-label="Running" />}
        </Group>
        <VisuallyHidden role="status">{run.isPending ? 'Running' : shown && summaryOf(shown)}</VisuallyHidden>
        {run.error && (
          <Stack gap="xs">
            <Failure error={run.error} />
            {mayBeSizes && (
              <Text size="sm" c="dimmed">
                Sizes written n are yours to choose, and a model may need others than 1.
              </Text>
            )}
          </Stack>
        )}
        {shown && (
          <Box opacity={run.isPending ? 0.5 : 1}>
            <Answer {...shown} labels={Array.isArray(labels) ? labels : undefined} />
          </Box>
        )}
        {run.isIdle && <Text c="dimmed">Nothing has run yet. {cacheSentence(version)}</Text>}
      </section>
    </SimpleGrid>
  );
}

function summaryOf({ result, totalMs }: Ran): string {
  return `Answered by ${result.model}, placement ${result.placement}, cache ${result.cache}, in ${formatMs(totalMs)}`;
}

function cacheSentence({ manifest: { stateful, deterministic, cache } }: Version): string {
  if (stateful || deterministic === false || cache.ttlSeconds === 0) return 'Answers of this version are never cached.';
  return 'The same inputs again are answered from the cache, unless a placement is asked for.';
}

/** What a free-form field says, where it says it in words. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
