/** Names what was uploaded instead of an ONNX file, where its first bytes tell. */

const HEAD_BYTES = 64;

interface Signature {
  name: string;
  offset?: number;
  /** Latin-1. */
  magic: string;
}

const SIGNATURES: readonly Signature[] = [
  { name: 'a model in ORT format', offset: 4, magic: 'ORTM' },
  { name: 'a TensorFlow Lite model', offset: 4, magic: 'TFL3' },
  { name: 'a GGUF model', magic: 'GGUF' },
  { name: 'a safetensors file', offset: 8, magic: '{"' },
  { name: 'a ZIP archive, as PyTorch and Keras write them', magic: 'PK\x03\x04' },
  { name: 'an HDF5 file, as Keras writes them', magic: '\x89HDF' },
  { name: 'a gzip archive', magic: '\x1f\x8b' },
  { name: 'a Python pickle', magic: '\x80\x02' },
  { name: 'a Python pickle', magic: '\x80\x04' },
  { name: 'a NumPy array', magic: '\x93NUMPY' },
  { name: 'a Git LFS pointer instead of the file it stands for', magic: 'version https://git-lfs' },
  { name: 'a PNG image', magic: '\x89PNG' },
  { name: 'a JPEG image', magic: '\xff\xd8\xff' },
  { name: 'a PDF document', magic: '%PDF' },
  { name: 'an HTML page', magic: '<!DOCTYPE' },
  { name: 'an HTML page', magic: '<html' },
  { name: 'XML or HTML text', magic: '<' },
  { name: 'JSON text', magic: '{' },
  { name: 'JSON text', magic: '[' },
];

/** How many bytes `describeBytes` wants to see. */
export const RECOGNISED_BYTES = HEAD_BYTES;

/** What a file is that begins with `head` and is no ONNX model: `a PNG image`, or its first bytes in hexadecimal. */
export function describeBytes(head: Uint8Array): string {
  if (head.length === 0) return 'empty';
  const text = Array.from(head.subarray(0, HEAD_BYTES), (byte) => String.fromCharCode(byte)).join('');
  const known = SIGNATURES.find(({ magic, offset = 0 }) => text.startsWith(magic, offset));
  if (known) return known.name;
  if (/^[\t\n\r\x20-\x7e]+$/.test(text)) return `text that begins ${JSON.stringify(text.slice(0, 24))}`;
  const hex = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `a file that begins with the bytes ${hex}`;
}
