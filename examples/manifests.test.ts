import { CreateModelInput, ManifestInput } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { loadDigits } from './digits/digit-data.ts';
import { examples } from './index.ts';

describe('the examples', () => {
  it.each(examples.map((example) => [example.name, example] as const))(
    '%s is described as the gateway expects',
    (name, example) => {
      expect(CreateModelInput.parse(example.model).name).toBe(name);
      expect(ManifestInput.parse(example.manifest).license).toMatch(/MIT|Apache-2.0/);
      // It travels in a header.
      expect(JSON.stringify(example.manifest).length).toBeLessThan(8192);
    },
  );

  it('never test digits on what they were trained with', async () => {
    const { training, heldOut } = await loadDigits();
    expect(training.length + heldOut.length).toBe(10_000);
    const seen = new Set(training.map(({ pixels }) => pixels.join()));
    expect(heldOut.filter(({ pixels }) => seen.has(pixels.join()))).toHaveLength(0);
  });
});
