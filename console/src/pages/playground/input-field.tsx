/** One input of the playground: its shape, how it is filled, and its data where that is small enough to edit. */
import type { TensorSpec } from '@lepton-edge/protocol';
import { Code, Fieldset, Group, NativeSelect, Text, Textarea, TextInput } from '@mantine/core';
import { formatShape } from '../../format/format.ts';
import { countOf, EDITABLE_ELEMENTS, FILLINGS, type Filling, fill, parseShape } from './sample-input.ts';

export interface InputState {
  shape: string;
  filling: Filling;
  /** The data as JSON; generated when it is sent where it is too long to edit. */
  data: string;
}

interface Props {
  spec: TensorSpec;
  value: InputState;
  onChange: (value: InputState) => void;
}

/** The data a filling gives, as JSON; empty for what is too long to edit or no shape. */
export function dataText(spec: TensorSpec, shapeText: string, filling: Filling): string {
  const shape = parseShape(shapeText);
  if (!shape || countOf(shape) > EDITABLE_ELEMENTS) return '';
  return JSON.stringify(fill(spec.datatype, shape, filling, Math.random));
}

export function InputField({ spec, value, onChange }: Props) {
  const shape = parseShape(value.shape);
  const tooLong = shape !== undefined && countOf(shape) > EDITABLE_ELEMENTS;
  const change = (shapeText: string, filling: Filling) =>
    onChange({ shape: shapeText, filling, data: dataText(spec, shapeText, filling) });
  return (
    <Fieldset legend={`${spec.name} · ${spec.datatype} ${formatShape(spec.shape)}`}>
      <Group align="flex-start" grow mb="xs">
        <TextInput
          label={`Shape of ${spec.name}`}
          value={value.shape}
          error={shape ? undefined : 'expected sizes such as 1, 3, 48'}
          onChange={(event) => change(event.currentTarget.value, value.filling)}
        />
        <NativeSelect
          label={`Fill ${spec.name} with`}
          data={[...FILLINGS]}
          value={value.filling}
          onChange={(event) => change(value.shape, event.currentTarget.value as Filling)}
        />
      </Group>
      {tooLong ? (
        <Text size="sm" c="dimmed">
          <Code>{countOf(shape).toLocaleString()}</Code> elements, generated when it runs.
        </Text>
      ) : (
        <Textarea
          label={`Data of ${spec.name}`}
          description="JSON, nested or flat"
          autosize
          minRows={2}
          maxRows={8}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
          value={value.data}
          onChange={(event) => onChange({ ...value, data: event.currentTarget.value })}
        />
      )}
    </Fieldset>
  );
}
