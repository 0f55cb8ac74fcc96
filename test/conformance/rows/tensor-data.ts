/** Tensor data as JSON: datatypes, forms, and numbers that JSON has no way to write. */
import assert from 'node:assert/strict';
import {
  assertFailure,
  assertOk,
  bytesOf,
  infer,
  inferRows,
  inferShapes,
  shapes,
  splitBinary,
  withBinary,
  x,
} from '../checks.ts';
import { DATATYPES, TYPES } from '../models.ts';
import type { Answer, Row, Server } from '../row.ts';

const DATA = 'OIP, Tensor Data';
const TYPE = 'OIP, Tensor Data Types';

type Typed = (typeof DATATYPES)[number];

/** JSON text of the elements at the ends of what the datatype holds, and the same in binary. */
const SAMPLES: Record<Typed, [json: string, binary: Uint8Array]> = {
  BOOL: ['[true,false]', Uint8Array.of(1, 0)],
  UINT8: ['[0,255]', Uint8Array.of(0, 255)],
  UINT16: ['[0,65535]', bytesOf(Uint16Array.of(0, 65_535))],
  UINT32: ['[0,4294967295]', bytesOf(Uint32Array.of(0, 4_294_967_295))],
  UINT64: [
    '[9007199254740993,18446744073709551615]',
    bytesOf(BigUint64Array.of(9_007_199_254_740_993n, 2n ** 64n - 1n)),
  ],
  INT8: ['[-128,127]', bytesOf(Int8Array.of(-128, 127))],
  INT16: ['[-32768,32767]', bytesOf(Int16Array.of(-32_768, 32_767))],
  INT32: ['[-2147483648,2147483647]', bytesOf(Int32Array.of(-(2 ** 31), 2 ** 31 - 1))],
  INT64: ['[-9223372036854775808,9223372036854775807]', bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n))],
  FP16: ['[1.5,-65504]', bytesOf(Uint16Array.of(0x3e00, 0xfbff))],
  FP32: ['[0.10000000149011612,-3.4028234663852886e+38]', bytesOf(Float32Array.of(0.1, -3.402_823_466_385_288_6e38))],
  FP64: ['[0.1,-1.7976931348623157e+308]', bytesOf(Float64Array.of(0.1, -Number.MAX_VALUE))],
  BYTES: ['["","é👋"]', Buffer.from('\0\0\0\0\x06\0\0\0é👋')],
};

const inputText = (datatype: Typed, data: string, shape = '[2]') =>
  `{"name":"${datatype}","datatype":"${datatype}","shape":${shape},"data":${data}}`;

/** Of all datatypes, with one element or row replaced, and only that output wanted. */
async function inferTyped(server: Server, datatype: Typed, data: string, headers = {}): Promise<Answer> {
  const inputs = DATATYPES.map((each) => inputText(each, each === datatype ? data : SAMPLES[each][0]));
  const body = `{"inputs":[${inputs}],"outputs":[{"name":"${datatype}_out"}]}`;
  return await infer(server, TYPES, body, { 'content-type': 'application/json', ...headers });
}

const dataText = ({ text }: Answer) => /"data":(\[.*?\])\}/s.exec(text)?.[1];

function elements(id: string, datatype: Typed, bad: string[]): Row {
  return {
    id,
    source: TYPE,
    requirement: `an element that is no ${datatype} is refused: ${bad.map((each) => `\`${each}\``).join(', ')}`,
    check: async (server) => {
      for (const each of bad) {
        const data = SAMPLES[datatype][0].replace(/^\[[^,]*/, `[${each}`);
        assertFailure(await inferTyped(server, datatype, data), 400, datatype);
      }
    },
  };
}

export const TENSOR_DATA_ROWS: Row[] = [
  ...DATATYPES.map((datatype): Row => {
    const [json, binary] = SAMPLES[datatype];
    return {
      id: `datatype-${datatype.toLowerCase()}`,
      source: TYPE,
      requirement: `${datatype} goes in and out as JSON and as binary data, to the last bit: \`${json}\``,
      check: async (server) => {
        const answer = await inferTyped(server, datatype, json);
        assertOk(answer);
        assert.deepEqual([answer.json.outputs[0].datatype, answer.json.outputs[0].shape], [datatype, [2]]);
        assert.deepEqual(canonical(dataText(answer)), canonical(json));
        const inputs = DATATYPES.map((each) => ({
          ...JSON.parse(inputText(each, '[]')),
          data: undefined,
          parameters: { binary_data_size: SAMPLES[each][1].byteLength },
        }));
        const outputs = [{ name: `${datatype}_out`, parameters: { binary_data: true } }];
        const { body, headers } = withBinary({ inputs, outputs }, ...DATATYPES.map((each) => SAMPLES[each][1]));
        const packed = await infer(server, TYPES, body, headers);
        assertOk(packed);
        assert.deepEqual(splitBinary(packed).data, Buffer.from(binary));
      },
    };
  }),
  elements('element-integer', 'INT32', ['1.5', '2147483648', 'true', '"1"', 'null', '[1]']),
  elements('element-unsigned', 'UINT8', ['-1', '256']),
  elements('element-long', 'INT64', ['9223372036854775808', '1.5']),
  elements('element-bool', 'BOOL', ['2', '"true"']),
  elements('element-bytes', 'BYTES', ['1', 'null']),
  elements('element-float', 'FP64', ['"1"', 'true', 'null']),
  {
    id: 'datatype-bf16',
    source: TYPE,
    requirement: 'BF16 has no JSON form and is refused with a sentence that says so',
    check: async (server) => {
      assertFailure(await inferRows(server, { inputs: [x([1, 2], { datatype: 'BF16' })] }), 400, 'BF16');
    },
  },
  {
    id: 'data-forms',
    source: DATA,
    requirement: 'data comes flat or in its natural dimensions, row-major, and means the same',
    check: async (server) => {
      const flat = await inferRows(server, { inputs: [x([1, 2, 3, 4], { shape: [2, 2] })] });
      const rows = await inferRows(server, {
        inputs: [
          x(
            [
              [1, 2],
              [3, 4],
            ],
            { shape: [2, 2] },
          ),
        ],
      });
      assert.deepEqual(flat.json.outputs[0].data, [1, 2, 3, 4]);
      assert.deepEqual(rows.json.outputs, flat.json.outputs);
    },
  },
  {
    id: 'data-ragged',
    source: DATA,
    requirement: 'rows of different lengths, or nested deeper than the shape, are refused',
    check: async (server) => {
      for (const data of [
        [[1, 2], [3]],
        [[1, 2, 3], [4]],
        [
          [[1], [2]],
          [[3], [4]],
        ],
        [1, [2, 3, 4]],
      ]) {
        assertFailure(await inferRows(server, { inputs: [x(data, { shape: [2, 2] })] }), 400);
      }
    },
  },
  {
    id: 'data-scalar',
    source: DATA,
    requirement: 'a scalar has the shape `[]` and one element, in and out',
    check: async (server) => {
      const outputs = [{ name: 'scalar_out' }];
      const scalar = { name: 'scalar', datatype: 'INT64', shape: [], data: [-5] };
      const { json } = await inferShapes(server, { inputs: shapes(scalar), outputs });
      assert.deepEqual(json.outputs, [{ name: 'scalar_out', datatype: 'INT64', shape: [], data: [-5] }]);
      const one = await inferShapes(server, { inputs: shapes({ ...scalar, shape: [1] }), outputs });
      assertFailure(one, 400, '[]');
    },
  },
  {
    id: 'data-exponents',
    source: DATA,
    requirement:
      'integers may be written with exponents and fractions that are zero; they are exact where they are long',
    check: async (server) => {
      const answer = await inferTyped(server, 'INT64', '[1e3,2.0]');
      assertOk(answer);
      assert.equal(dataText(answer), '[1000,2]');
    },
  },
  {
    id: 'data-not-finite',
    source: 'JSON has no such numbers',
    requirement:
      'NaN and the infinities are the strings `"NaN"`, `"Infinity"`, `"-Infinity"`, in and out; the sign of zero stays',
    check: async (server) => {
      const answer = await inferRows(
        server,
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":["NaN","Infinity","-Infinity",-0.0]}]}',
      );
      assertOk(answer);
      assert.equal(dataText(answer), '["NaN","Infinity","-Infinity",-0.0]');
    },
  },
];

/** Numbers by value, long integers exactly. */
function canonical(json = ''): unknown[] {
  const marked = json.replace(/(?<=[[,])-?\d{16,}(?=[,\]])/g, '"$&"');
  return JSON.parse(marked);
}
