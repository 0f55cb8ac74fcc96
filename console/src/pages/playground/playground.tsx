/** Runs an inference on one version with inputs that can be edited. */
import type { InferResult } from '@lepton-edge/client';
import { encodeInferRequest, LeptonError, type Tensor, type Version } from '@lepton-edge/protocol';
import { Button, Group, NativeSelect, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Failure } from '../../components/answer-states.tsx';
import { useClient } from '../../session/session.tsx';
import { Answer } from './answer.tsx';
import { dataText, InputField, type InputState } from './input-field.tsx';
import { countOf, EDITABLE_ELEMENTS, fill, firstShape, parseShape, tensorFrom } from './sample-input.ts';

const PLACES = [
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
  const { inputs: specs, labels } = version.manifest;
  const [inputs, setInputs] = useState<Record<string, InputState>>(() =>
    Object.fromEntries(specs.map((spec) => [spec.name, firstInput(spec)])),
  );
  const [place, setPlace] = useState('');
  const ref = `${version.model}@${version.version}`;
  const run = useMutation<Ran>({
    mutationFn: async () => {
      const tensors = specs.map((spec) => toTensor(spec, inputs[spec.name] as InputState));
      const start = performance.now();
      const result = await client.infer(ref, tensors, place ? { place: place as 'edge' | 'node' } : {});
      return { result, totalMs: performance.now() - start };
    },
  });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Stack>
        {specs.map((spec) => (
          <InputField
            key={spec.name}
            spec={spec}
            value={inputs[spec.name] as InputState}
            onChange={(value) => setInputs((all) => ({ ...all, [spec.name]: value }))}
          />
        ))}
        <Group align="flex-end">
          <NativeSelect
            label="Placement"
            data={PLACES}
            value={place}
            onChange={(event) => setPlace(event.currentTarget.value)}
          />
          <Button onClick={() => run.mutate()} loading={run.isPending}>
            Run
          </Button>
          <CopyCurl
            make={() =>
              curlOf(
                ref,
                specs.map((spec) => toTensor(spec, inputs[spec.name] as InputState)),
                place,
              )
            }
          />
        </Group>
      </Stack>
      <section aria-label="Answer" aria-live="polite">
        <Title order={2} size="h5" mb="xs">
          Answer
        </Title>
        {run.error && <Failure error={run.error} />}
        {run.data && <Answer {...run.data} labels={Array.isArray(labels) ? labels : undefined} />}
        {run.isIdle && (
          <Text c="dimmed">Nothing has run yet. A repeat of the same inputs is answered from the cache.</Text>
        )}
      </section>
    </SimpleGrid>
  );
}

function firstInput(spec: Version['manifest']['inputs'][number]): InputState {
  const shape = firstShape(spec).join(', ');
  return { shape, filling: 'ramp', data: dataText(spec, shape, 'ramp') };
}

function toTensor(spec: Version['manifest']['inputs'][number], { shape: text, filling, data }: InputState): Tensor {
  const shape = parseShape(text);
  if (!shape)
    throw new LeptonError('invalid_tensor', `input "${spec.name}": expected a shape such as 1, 3, 48, got ${text}`);
  const isLong = countOf(shape) > EDITABLE_ELEMENTS;
  return tensorFrom(spec, shape, isLong ? JSON.stringify(fill(spec.datatype, shape, filling, Math.random)) : data);
}

function CopyCurl({ make }: { make: () => string }) {
  const clipboard = useClipboard();
  const [error, setError] = useState<unknown>();
  const copy = () => {
    try {
      clipboard.copy(make());
      setError(undefined);
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <>
      <Button variant="default" onClick={copy}>
        {clipboard.copied ? 'Copied' : 'Copy as curl'}
      </Button>
      {error !== undefined && <Failure error={error} />}
    </>
  );
}

/** The key is left for the reader to put in: it must not end up in a shell history or a chat. */
function curlOf(ref: string, inputs: Tensor[], place: string): string {
  const header = place ? ` -H 'x-lepton-place: ${place}'` : '';
  const body = encodeInferRequest({ inputs }).replaceAll("'", "'\\''");
  return `curl -i -H "authorization: Bearer $KEY"${header} ${location.origin}/v2/models/${ref}/infer -d '${body}'`;
}
