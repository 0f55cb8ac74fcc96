/** Recurrent layers: LSTM, GRU and RNN, as the ONNX operator specification defines their tensors. */
import type { Rule } from '../call.ts';
import { plus, shaped, times, unbounded } from '../tensor.ts';
import { mover, type Table } from './table.ts';

/** An exponential for each gate. */
const ACTIVATION = 16;

/** `turned`: quantized weights are kept with their last two axes the other way round. */
function recurrent(gates: number, turned = false): Rule {
  return (call) => {
    const batchFirst = call.int('layout', 0) !== 0;
    const [first = 0, second = 0, width = 0] = call.shapeOfRank(0, 3);
    const [steps, batch] = batchFirst ? [second, first] : [first, second];
    const [directions = 0, ...input] = call.shapeOfRank(1, 3);
    const [others = 0, ...state] = call.shapeOfRank(2, 3);
    const [rows = 0, columns = 0] = turned ? [...input].reverse() : input;
    const [ownRows = 0, hidden = 0] = turned ? [...state].reverse() : state;
    const wanted = call.text('direction', 'forward') === 'bidirectional' ? 2 : 1;
    const fits =
      columns === width &&
      rows === gates * hidden &&
      ownRows === rows &&
      directions === wanted &&
      others === wanted &&
      call.int('hidden_size', hidden) === hidden;
    if (!fits) {
      unbounded(`its weights [${call.shape(1).join(', ')}] and [${call.shape(2).join(', ')}] do not fit its input`);
    }
    call.macs(steps, batch, directions, gates, hidden, plus(width, hidden, ACTIVATION));
    // Each step is a call of its own, and the gates of all steps are kept.
    call.macs(steps, directions, 1_000);
    call.scratch(4, steps, Math.max(1, times(batch, gates, hidden)));
    const { type } = call.input(0);
    const all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
    const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    return [shaped(type, all), shaped(type, last), shaped(type, last)];
  };
}

export const RECURRENT: Table = {
  LSTM: mover(recurrent(4)),
  GRU: mover(recurrent(3)),
  RNN: mover(recurrent(1)),
  'com.microsoft::DynamicQuantizeLSTM': mover(recurrent(4, true)),
};
