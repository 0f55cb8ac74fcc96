import { describe, expect, it } from 'vitest';
import { workerAddress } from './worker-address.ts';

const report = (...targets: string[]) =>
  [
    { type: 'wrangler-session', version: 1 },
    { type: 'deploy', version: 1, targets },
  ]
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join('');

describe('workerAddress', () => {
  it.each([
    [['lepton-edge.acme.workers.dev'], 'https://lepton-edge.acme.workers.dev'],
    [['https://lepton-edge.acme.workers.dev'], 'https://lepton-edge.acme.workers.dev'],
    [['lepton-edge.acme.workers.dev', 'ai.example.com (custom domain)'], 'https://ai.example.com'],
    [['example.com/api/* (zone name: example.com)', 'schedule: * * * * *'], undefined],
    [[], undefined],
  ])('finds in %j %s', (targets, url) => {
    expect(workerAddress(report(...targets))).toBe(url);
  });

  it('finds none in a report of something else', () => {
    expect(workerAddress('')).toBeUndefined();
  });
});
