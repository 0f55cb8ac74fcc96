import { describe, expect, it } from 'vitest';
import type { FirstRun } from './examples/first-runs.ts';
import { tellPlacement } from './examples/first-runs.ts';
import { formatCurl, formatRuns } from './report.ts';

const run = (model: string, elementCount: number): FirstRun => ({
  model,
  where: 'edge',
  totalMs: 12.4,
  answer: 'yes',
  request: { path: `/home/me/my gateway/${model}.json`, elementCount },
});

describe('formatRuns', () => {
  it('aligns the columns', () => {
    const runs = [run('digits', 1), { ...run('language', 1), where: 'node local-1', totalMs: 2_440, answer: 'a\nb' }];
    expect(formatRuns(runs)).toEqual([
      'model     ran on        time   answered',
      'digits    edge          12 ms  yes',
      'language  node local-1  2.4 s  a b',
    ]);
  });
});

describe('formatCurl', () => {
  it('sends the request with the least to read, with paths quoted for the shell and without the key itself', () => {
    expect(formatCurl('http://127.0.0.1:8787', "/it's/admin.key", [run('language', 900), run('digits', 800)])).toBe(
      `curl -i http://127.0.0.1:8787/v2/models/digits/infer -H "authorization: Bearer $(cat '/it'\\''s/admin.key')" ` +
        `-H 'content-type: application/json' --data '@/home/me/my gateway/digits.json'`,
    );
  });

  it('lists the models where no example ran', () => {
    expect(formatCurl('http://127.0.0.1:8787', '/h/admin.key', [])).toBe(
      'curl -i http://127.0.0.1:8787/api/models -H "authorization: Bearer $(cat /h/admin.key)"',
    );
  });
});

describe('tellPlacement', () => {
  it('names nodes', () => {
    const nodes = new Map([['node_1', 'local-1']]);
    expect(['edge', 'node:node_1', 'node:node_2'].map((placement) => tellPlacement(placement, nodes))).toEqual([
      'edge',
      'node local-1',
      'node node_2',
    ]);
  });
});
