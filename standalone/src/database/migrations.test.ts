import { describe, expect, it } from 'vitest';
import { splitStatements } from './migrations.ts';

describe('splitStatements', () => {
  it('cuts at the breakpoints, on their own line or behind a statement', () => {
    const sql =
      'CREATE TABLE a (x);\n--> statement-breakpoint\nCREATE INDEX b ON a (x);--> statement-breakpoint\nSELECT 1;\n';
    expect(splitStatements(sql)).toEqual(['CREATE TABLE a (x);', 'CREATE INDEX b ON a (x);', 'SELECT 1;']);
  });

  it('keeps a statement with its comment and leaves out parts that are only comments', () => {
    const sql = '-- The first team.\nINSERT INTO t VALUES (1);\n--> statement-breakpoint\n-- nothing more\n';
    expect(splitStatements(sql)).toEqual(['-- The first team.\nINSERT INTO t VALUES (1);']);
  });
});
