/** The exporter of this isolate, from its settings. */
import type { Settings } from '../env.ts';
import { VERSION } from '../version.ts';
import { type ExporterOutside, SpanExporter } from './span-exporter.ts';

export function createExporter(
  { endpoint, headers, serviceName }: NonNullable<Settings['otlp']>,
  { now, log }: Pick<ExporterOutside, 'now' | 'log'>,
) {
  const scope = { name: 'lepton-edge', version: VERSION };
  const resource = {
    'service.name': serviceName,
    'service.version': VERSION,
    'service.instance.id': crypto.randomUUID(),
  };
  const collector = { url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, headers, resource, scope };
  return new SpanExporter(collector, {
    fetch: (...args) => fetch(...args),
    now,
    wait: (ms) => scheduler.wait(ms),
    log,
  });
}
