/** One input of the playground: its shape, how it is filled, and its data where that is small enough to edit. */
import type { TensorSpec } from '@lepton-edge/protocol';
import { Button, Fieldset, Group, NativeSelect, Text, Textarea, TextInput } from '@mantine/core';
import { formatShape } from '../../format/format.ts';
import { dataProblem, generatedCount, type InputState, refilled, shapeProblem } from './input-state.ts';
import { FILLINGS } from './sample-input.ts';

/** Measuring the height of a longer text on each key stroke is felt. */
const MAX_AUTOSIZE_CHARS = 50_000;

interface Props {
  spec: TensorSpec;
  /** What the manifest says of this input. */
  hint: string | undefined;
  value: InputState;
  onChange: (value: InputState) => void;
}

export function InputField({ spec, hint, value, onChange }: Props) {
  const { name } = spec;
  const generated = generatedCount(value);
  const change = (part: Partial<InputState>) => onChange(refilled(spec, { ...value, ...part }));
  return (
    <Fieldset legend={`${name} · ${spec.datatype} ${formatShape(spec.shape)}`}>
      {hint && (
        <Text size="sm" c="dimmed" mb="xs">
          {hint}
        </Text>
      )}
      <Group align="flex-start" grow mb="xs">
        <TextInput
          label={`Shape of ${name}`}
          description={spec.shape.includes(-1) ? 'n is yours to choose' : 'as the model has it'}
          value={value.shape}
          placeholder="scalar"
          error={shapeProblem(spec, value)}
          onChange={(event) => change({ shape: event.currentTarget.value })}
        />
        <NativeSelect
          label={`Fill ${name} with`}
          description="until you type your own"
          data={[...FILLINGS, { value: 'own', label: 'own data' }]}
          value={value.filling}
          onChange={(event) => change({ filling: event.currentTarget.value as InputState['filling'] })}
        />
      </Group>
      {generated === undefined ? (
        <Textarea
          label={`Data of ${name}`}
          description="JSON, nested or flat"
          autosize={value.data.length < MAX_AUTOSIZE_CHARS}
          minRows={2}
          maxRows={8}
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
          value={value.data}
          error={dataProblem(spec, value)}
          onChange={(event) => onChange({ ...value, filling: 'own', data: event.currentTarget.value })}
        />
      ) : (
        <Text size="sm" c="dimmed">
          {generated.toLocaleString()} elements, made when they are sent.
        </Text>
      )}
      {value.filling === 'random' && (
        <Button variant="subtle" size="compact-sm" mt={6} onClick={() => change({ seed: value.seed + 1 })}>
          Other random values
        </Button>
      )}
    </Fieldset>
  );
}
