/** Reads WAV files of 16-bit PCM. Source: RIFF/WAVE, "Multimedia Programming Interface and Data Specifications 1.0". */

export interface Sound {
  sampleRate: number;
  /** One channel, from -1 to 1. */
  samples: Float32Array<ArrayBuffer>;
}

/** Throws a sentence for anything but one channel of 16-bit PCM. */
export function readWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.byteLength < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw new Error('expected a WAV file');
  let sampleRate = 0;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (tag(at) === 'fmt ' && body + 16 <= bytes.byteLength) {
      const [format, channels, bits] = [
        view.getUint16(body, true),
        view.getUint16(body + 2, true),
        view.getUint16(body + 14, true),
      ];
      if (format !== 1 || channels !== 1 || bits !== 16) {
        throw new Error(
          `expected one channel of 16-bit PCM, got format ${format}, ${channels} channels of ${bits} bits`,
        );
      }
      sampleRate = view.getUint32(body + 4, true);
    }
    if (tag(at) === 'data') {
      if (sampleRate === 0) throw new Error('expected a format chunk before the data in the WAV file, found none');
      const count = Math.floor(Math.min(size, bytes.byteLength - body) / 2);
      const samples = Float32Array.from({ length: count }, (_, i) => view.getInt16(body + 2 * i, true) / 32768);
      return { sampleRate, samples };
    }
    at = body + size + (size % 2);
  }
  throw new Error('expected a data chunk in the WAV file, found none');
}
