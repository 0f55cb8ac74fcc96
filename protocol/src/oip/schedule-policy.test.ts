import { describe, expect, it } from 'vitest';
import { priorityOfHeader, priorityOfParameters, timeoutOfHeader, timeoutOfParameters } from './schedule-policy.ts';

describe('the schedule policy', () => {
  it('is read from headers in milliseconds and from parameters in microseconds, where 0 is none', () => {
    expect([undefined, '1', '250', '999999999999999'].map(timeoutOfHeader)).toEqual([undefined, 1, 250, 2 ** 31 - 1]);
    const parameters = [undefined, {}, { timeout: 0 }, { timeout: 250_000 }, { timeout: 5 }, { timeout: 2 ** 60 }];
    expect(parameters.map(timeoutOfParameters)).toEqual([undefined, undefined, undefined, 250, 0.005, 2 ** 31 - 1]);
  });

  it('has three levels, and 0 for the one in the middle', () => {
    expect([undefined, '0', '1', '2', '3'].map(priorityOfHeader)).toEqual([undefined, 2, 1, 2, 3]);
    expect([{}, { priority: 0 }, { priority: 1 }, { priority: 3 }].map(priorityOfParameters)).toEqual([
      undefined,
      2,
      1,
      3,
    ]);
  });

  it.each([
    [() => timeoutOfHeader('0'), 'x-lepton-timeout-ms: expected a whole number of milliseconds from 1 on, got "0"'],
    [() => timeoutOfHeader('1.5'), 'got "1.5"'],
    [() => timeoutOfHeader('-1'), 'got "-1"'],
    [() => timeoutOfParameters({ timeout: -1 }), 'the parameter "timeout": expected a whole number of microseconds'],
    [() => timeoutOfParameters({ timeout: '5' }), 'got "5"'],
    [() => timeoutOfParameters({ timeout: 0.5 }), 'got 0.5'],
    [() => priorityOfHeader('4'), 'x-lepton-priority: expected 1 (high), 2 (normal), 3 (low), or 0'],
    [() => priorityOfHeader(''), 'got ""'],
    [() => priorityOfParameters({ priority: true }), 'the parameter "priority"'],
  ])('says what is wrong %#', (read, sentence) => {
    expect(read).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(sentence) }),
    );
  });
});
