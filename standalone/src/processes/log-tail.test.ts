import { describe, expect, it } from 'vitest';
import { reasonIn } from './log-tail.ts';

describe('reasonIn', () => {
  it('takes the message of the last structured error', () => {
    const lines = [
      '{"level":30,"msg":"starting"}',
      '{"level":60,"msg":"cannot join","err":{"message":"the token is unknown","stack":"Error: the token"}}',
      '{"level":30,"msg":"bye"}',
    ];
    expect(reasonIn(lines)).toBe('cannot join: the token is unknown');
  });

  it('takes the sentence of an uncaught error, not its stack or the version behind it', () => {
    const lines = [
      'file:///main.ts:3',
      'throw new Error("x")',
      "Error: Cannot find module './a.ts'",
      '    at Error (main.ts:3:7)',
      'Node.js v24.21.0',
    ];
    expect(reasonIn(lines)).toBe("Error: Cannot find module './a.ts'");
  });

  it('takes the last line when none speaks of an error, and says so when there is none', () => {
    expect(reasonIn(['one', 'two '])).toBe('two');
    expect(reasonIn([])).toBe('it wrote nothing to its log');
  });
});
