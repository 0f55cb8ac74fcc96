/** Where in the file a walk stands: a message within its message, so that every complaint can name the place. */
import { Details } from './details.ts';
import type { Field, Message } from './schema.ts';
import { TensorSize } from './tensor-size.ts';

/** A message being walked. */
export interface Frame {
  message: Message;
  parent: Frame | undefined;
  /** As it stands in a path: `graph`, `initializer[3]`. */
  label: string;
  depth: number;
  /** The field of `parent` it stands in. */
  field: Field | undefined;
  /** Byte offsets; `end` may lie behind the end of a file that was cut off. */
  start: number;
  end: number;
  /** How often each field (by number) was seen. */
  counts: Map<number, number>;
  /** Whether what is read is kept. */
  kept: boolean;
  alternative: string | undefined;
  tensor: TensorSize | undefined;
  details: Details | undefined;
}

/** A frame for `message` in `[start, end)`; without a parent it is the whole file. */
export function frameOf(message: Message, start: number, end: number, parent?: Frame, field?: Field): Frame {
  const kept = parent && field ? parent.kept && field.kept : true;
  return {
    message,
    parent,
    field,
    label: parent && field ? labelOf(parent, field) : '',
    depth: parent ? parent.depth + 1 : 0,
    start,
    end,
    counts: new Map(),
    kept,
    alternative: undefined,
    tensor: message.name === 'TensorProto' ? new TensorSize() : undefined,
    details: kept && message.detailed ? new Details() : undefined,
  };
}

/** `graph.node[3]`; for the file itself `the model`. */
export function pathOf(frame: Frame): string {
  const labels: string[] = [];
  for (let at: Frame = frame; at.parent; at = at.parent) labels.unshift(at.label);
  return labels.length > 0 ? labels.join('.') : 'the model';
}

/** `graph.node[3].op_type`, the field last counted. */
export function pathOfField(frame: Frame, field: Field): string {
  const label = labelOf(frame, field);
  return frame.parent ? `${pathOf(frame)}.${label}` : label;
}

function labelOf(frame: Frame, field: Field): string {
  return field.repeated ? `${field.name}[${(frame.counts.get(field.number) ?? 1) - 1}]` : field.name;
}
