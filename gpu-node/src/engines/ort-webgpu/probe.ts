/** A program: tells which adapter WebGPU would use, and ends. ONNX Runtime does not say it, and two users of WebGPU in one process crash. */
import { create } from 'webgpu';
import type { Probed } from './adapter.ts';

// As ONNX Runtime asks for it.
const adapter = await create([]).requestAdapter({ powerPreference: 'high-performance' });
const probed: Probed = adapter && {
  vendor: adapter.info.vendor,
  architecture: adapter.info.architecture,
  device: adapter.info.device,
  description: adapter.info.description,
  isFallback: adapter.info.isFallbackAdapter,
  features: [...adapter.features],
};
process.send?.({ probed }, () => process.exit(0));
