import { expect, it } from 'vitest';
import { Timings } from '../infer/timings.ts';
import { answerResponse } from './answer-headers.ts';
import type { AppContext } from './app-env.ts';

it('an answer that is sent again has its own id and age each time, and none from a time to come', () => {
  const sent = { body: '{}', headers: new Headers({ 'x-lepton-cache': 'hit' }) };
  const send = (requestId: string, ageMs: number) => {
    const c = { get: () => ({ requestId }), set: () => undefined } as unknown as AppContext;
    return answerResponse(c, sent, ageMs, new Timings()).headers;
  };
  const all = [send('a', 2_500), send('b', -3)];
  expect(all.map((headers) => [headers.get('x-request-id'), headers.get('age')])).toEqual([
    ['a', '2'],
    ['b', '0'],
  ]);
});
