import { describe, expect, it } from 'vitest';
import { cpuOperators } from './placement.ts';

const line = (text: string) =>
  `2026-01-01 [V:onnxruntime:, session_state.cc:1380 VerifyEachNodeIsAssignedToAnEp] ${text}`;

describe('cpuOperators', () => {
  it('counts what is on the CPU', () => {
    const log = [
      'anything else',
      line('Node placements'),
      line(' Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3'),
      line('  Shape (a (b))'),
      line('  Det ()'),
      line('  Det (x)'),
      line(' Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 1'),
      line('  MatMul (y)'),
    ];
    expect(cpuOperators(log.join('\n'))).toEqual({ Shape: 1, Det: 2 });
  });

  it('knows a model that is in one place', () => {
    const all = (provider: string) => line(` All nodes placed on [${provider}]. Number of nodes: 4`);
    expect(cpuOperators(all('WebGpuExecutionProvider'))).toEqual({});
    expect(cpuOperators(all('CPUExecutionProvider'))).toEqual({ 'every operator': 4 });
  });

  it('does not guess', () => {
    expect(cpuOperators('nothing of it')).toBeUndefined();
  });
});
