import { describe, expect, it } from 'vitest';
import { DiskSpace } from './disk-space.ts';

function filled(...digests: string[]): DiskSpace {
  const space = new DiskSpace(30);
  for (const digest of digests) space.keep(digest, 10);
  return space;
}

describe('DiskSpace', () => {
  it('chooses what was used longest ago, and no more than needed', () => {
    const space = filled('a', 'b', 'c');
    space.keep('a', 10);
    expect(space.choose('d', 10)).toEqual(['b']);
    expect(space.choose('d', 11)).toEqual(['b', 'c']);
    expect(filled('a').choose('d', 20)).toEqual([]);
  });

  it('takes files of loaded models last, and files that are being read never', () => {
    const space = filled('a', 'b', 'c');
    const reading = space.hold(['a']);
    space.hold(['b']).read();
    expect(space.choose('d', 20)).toEqual(['c', 'b']);
    expect(() => space.choose('d', 30)).toThrow(expect.objectContaining({ code: 'unavailable', retryAfterSeconds: 2 }));
    reading.read();
    reading.release();
    reading.release();
    expect(space.choose('d', 10)).toEqual(['a']);
  });

  it('makes room on a disk that is full of other things', () => {
    const space = filled('a', 'b');
    expect(space.choose('d', 8, 9)).toEqual([]);
    expect(space.choose('d', 10, 9)).toEqual(['a']);
    expect(() => space.choose('d', 30, 9)).toThrow(/no room on this node's disk for the 30 bytes of d: 1 more bytes/);
  });

  it('says when a file can never fit', () => {
    expect(() => filled().choose('d', 31)).toThrow(/d takes 31 bytes, this node keeps at most 30/);
  });

  it('counts a file once, however often it is kept, and not when it is gone', () => {
    const space = filled('a', 'a');
    space.keep('a', 4);
    expect(space.bytes).toBe(4);
    const hold = space.hold(['a']);
    space.drop('a');
    space.drop('a');
    expect(space.bytes).toBe(0);
    hold.release();
    expect(space.choose('a', 30)).toEqual([]);
  });
});
