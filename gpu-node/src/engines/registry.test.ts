import { describe, expect, it } from 'vitest';
import { EngineError, type EngineRegistration, type Instance } from './engine.ts';
import { Engines } from './registry.ts';

const source = { label: 'm@1', format: 'onnx', path: '/m.onnx' } as const;
const instance = {} as Instance;

function registration(name: string, priority: number, load: () => Promise<Instance>): EngineRegistration {
  return { name, priority, start: async () => ({ report: { name, device: 'test' }, load }) };
}
const absent: EngineRegistration = {
  name: 'gpu',
  priority: 9,
  start: () => Promise.reject(new Error('no adapter')),
};
const unsupported = () => Promise.reject(new EngineError('unsupported', 'operator X is unknown'));

describe('Engines', () => {
  it('keeps the order of priority and the reasons of the absent', async () => {
    const engines = await Engines.start([registration('a', 1, unsupported), absent, registration('b', 2, unsupported)]);
    expect(engines.reports.map((report) => report.name)).toEqual(['b', 'a']);
    expect(engines.absent).toEqual([{ name: 'gpu', reason: 'no adapter' }]);
  });

  it('falls back where an engine does not support a model', async () => {
    const engines = await Engines.start([
      registration('a', 2, unsupported),
      registration('b', 1, async () => instance),
    ]);
    expect(await engines.load(source)).toBe(instance);
  });

  it('passes over those that are to be avoided, with the reason', async () => {
    const engines = await Engines.start([
      registration('a', 2, async () => ({}) as Instance),
      registration('b', 1, async () => instance),
    ]);
    expect(await engines.load({ ...source, avoid: { a: 'it differs there' } })).toBe(instance);
    const everywhere = { ...source, avoid: { a: 'it differs there', b: 'it failed there' } };
    await expect(engines.load(everywhere)).rejects.toThrow('(a: it differs there; b: it failed there)');
  });

  it('gathers the reasons when none does', async () => {
    const engines = await Engines.start([registration('a', 2, unsupported), registration('b', 1, unsupported)]);
    await expect(engines.load(source)).rejects.toThrow(/m@1 \(a: operator X is unknown; b: operator X is unknown\)/);
  });

  it('does not start without any', async () => {
    await expect(Engines.start([absent])).rejects.toThrow('gpu: no adapter');
  });
});
