/** The WebGPU adapter of this machine, found out in a process of its own that ends at once. */
import type { EngineReport } from '@lepton-edge/protocol';
import { runProbe } from '../probe-process.ts';

/** As the program `probe.ts` tells it. */
export type Probed = {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallback: boolean;
  features: string[];
} | null;

export interface Adapter {
  /** What it is called. */
  name: string;
  report: NonNullable<EngineReport['adapter']>;
}

const PROBE = new URL('./probe.ts', import.meta.url);
const PROBE_MS = 30_000;
const MAX_FEATURES = 64;
/** Of what computes on the CPU: SwiftShader, Mesa's llvmpipe (lavapipe), Windows' Basic Render Driver (WARP). */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|warp/i;

/** @throws Error saying why there is none */
export async function probeAdapter(env?: Record<string, string>): Promise<Adapter> {
  const { answer, ended } = await runProbe<{ probed: Probed }>(PROBE, PROBE_MS, env);
  if (!answer) throw new Error(`looking for a WebGPU adapter ended ${ended}: see to the driver of this machine's GPU`);
  if (!answer.probed)
    throw new Error('WebGPU finds no adapter: expected a GPU with a driver for Vulkan, Metal or Direct3D 12');
  return toAdapter(answer.probed);
}

export function toAdapter({ features, isFallback, ...info }: NonNullable<Probed>): Adapter {
  const { vendor, architecture, device, description } = info;
  const name = description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  const software = isFallback || Object.values(info).some((text) => SOFTWARE.test(text));
  const short = (text: string) => text.slice(0, 64);
  return {
    name: name.slice(0, 200),
    report: {
      vendor: short(vendor),
      architecture: short(architecture),
      software,
      features: features.slice(0, MAX_FEATURES).map(short).sort(),
    },
  };
}
