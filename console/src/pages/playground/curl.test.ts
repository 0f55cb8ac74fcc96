import { expect, it } from 'vitest';
import { curlOf } from './curl.ts';

const text = { name: "it's", datatype: 'FP32' as const, shape: [1], data: new Float32Array([1]) };

it('needs no quoting of the body, and has no key in it', () => {
  const [command, body, end] = curlOf('http://gateway', 'digits@1', [text], 'edge').split('\n');
  expect(command).toBe(
    `curl -i http://gateway/v2/models/digits@1/infer -H "authorization: Bearer $KEY" -H 'content-type: application/json' -H 'x-lepton-place: edge' --data-binary @- <<'BODY'`,
  );
  expect(JSON.parse(body ?? '').inputs[0].name).toBe("it's");
  expect(end).toBe('BODY');
});

it('asks for no placement unless one is chosen', () => {
  expect(curlOf('http://gateway', 'digits@1', [text], '')).not.toContain('x-lepton-place');
});
