import { describe, expect, it } from 'vitest';
import { crop, type Picture, scale, toPlanes, upsideDown } from './picture.ts';

/** A row of grey pixels. */
const row = (...values: number[]): Picture => ({
  width: values.length,
  height: 1,
  rgba: Uint8Array.from(values.flatMap((v) => [v, v, v, 255])),
});
const greys = ({ rgba }: Picture) => [...rgba].filter((_, i) => i % 4 === 0);

describe('pictures', () => {
  it('turn', () => expect(greys(upsideDown(row(1, 2, 3)))).toEqual([3, 2, 1]));
  it('are cropped in the middle', () => expect(greys(crop(row(1, 2, 3, 4, 5), 3))).toEqual([2, 3, 4]));
  it('scale between neighbours', () => expect(greys(scale(row(0, 100), 4, 1))).toEqual([0, 25, 75, 100]));
  it('become planes of blue, green, red from -1 to 1', () => {
    const pixel = { width: 1, height: 1, rgba: Uint8Array.of(255, 0, 51, 255) };
    expect([...toPlanes(pixel)].map((v) => Math.round(v * 10) / 10)).toEqual([-0.6, -1, 1]);
  });
});
