/** Pictures as the PP-OCR models take them. */
import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';

export interface Picture {
  width: number;
  height: number;
  /** RGBA, a byte each, row by row. */
  rgba: Uint8Array;
}

/** A line of text as an application would meet it; see examples/README.md for its origin. */
export async function sampleLine(): Promise<Picture> {
  const { width, height, data } = PNG.sync.read(await readFile(new URL('line.png', import.meta.url)));
  return { width, height, rgba: data };
}

/** The picture turned by half a circle. */
export function upsideDown({ width, height, rgba }: Picture): Picture {
  const turned = new Uint8Array(rgba.length);
  for (let i = 0; i < width * height; i++) {
    turned.set(rgba.subarray(4 * i, 4 * i + 4), 4 * (width * height - 1 - i));
  }
  return { width, height, rgba: turned };
}

/** Scaled to another size, each pixel the mean of its four nearest by distance (bilinear). */
export function scale(picture: Picture, width: number, height: number): Picture {
  const rgba = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const [y0, y1, fy] = neighbours(y, height, picture.height);
    for (let x = 0; x < width; x++) {
      const [x0, x1, fx] = neighbours(x, width, picture.width);
      for (let c = 0; c < 4; c++) {
        const value = (px: number, py: number) => picture.rgba[4 * (py * picture.width + px) + c] ?? 0;
        const top = value(x0, y0) * (1 - fx) + value(x1, y0) * fx;
        const bottom = value(x0, y1) * (1 - fx) + value(x1, y1) * fx;
        rgba[4 * (y * width + x) + c] = Math.round(top * (1 - fy) + bottom * fy);
      }
    }
  }
  return { width, height, rgba };
}

/** The two pixels of the source between which a pixel of the target lies, and how far towards the second. */
function neighbours(at: number, size: number, sourceSize: number): [number, number, number] {
  const source = Math.min(Math.max(((at + 0.5) * sourceSize) / size - 0.5, 0), sourceSize - 1);
  const first = Math.floor(source);
  return [first, Math.min(first + 1, sourceSize - 1), source - first];
}

/** The middle of the picture, `width` wide. */
export function crop(picture: Picture, width: number): Picture {
  const rgba = new Uint8Array(4 * width * picture.height);
  const left = Math.floor((picture.width - width) / 2);
  for (let y = 0; y < picture.height; y++) {
    const row = 4 * (y * picture.width + left);
    rgba.set(picture.rgba.subarray(row, row + 4 * width), 4 * y * width);
  }
  return { width, height: picture.height, rgba };
}

/** FP32 [3, height, width] from -1 to 1, planes in the order blue, green, red, as PaddleOCR trains its models. */
export function toPlanes({ width, height, rgba }: Picture): Float32Array<ArrayBuffer> {
  const planes = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < width * height; i++) {
      planes[c * width * height + i] = ((rgba[4 * i + 2 - c] ?? 0) / 255 - 0.5) / 0.5;
    }
  }
  return planes;
}
