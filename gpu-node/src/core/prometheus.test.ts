import { LeptonError } from '@lepton-edge/protocol';
import parsePrometheus from 'parse-prometheus-text-format';
import { describe, expect, it } from 'vitest';
import { toPrometheus } from './prometheus.ts';
import { Statistics } from './statistics.ts';

const statistics = new Statistics();
const execution = { items: 2, inputMs: 0, runMs: 2, outputMs: 0 };
const measured = { inferences: 1, queueMs: 1, inputMs: 0, runMs: 2, outputMs: 0, loadMs: 500 };
statistics.succeeded('m', 3, { ...measured, totalMs: 4, execution });
statistics.succeeded('m', 3, { ...measured, totalMs: 70_000 });
statistics.failed('m', 3, 1, new LeptonError('invalid_tensor', 'no'));
statistics.refused('m', 3, new LeptonError('overloaded', 'full'));
statistics.refused('odd "name"\\\n', 1, new Error('?'));

const FIGURES = {
  versions: statistics.all(),
  inFlight: 1,
  queued: 2,
  modelsLoaded: 3,
  modelBytes: 4,
  maxModelBytes: 5,
  process: { residentBytes: 6, cpuSeconds: 1.5, startSeconds: 1.7e9 },
  eventLoopDelay: [{ quantile: 0.99, seconds: 0.02 }],
  diskBytes: undefined,
  softwareVersion: '1.2"\\3',
  engines: [
    { name: 'gpu', device: 'A', adapter: { vendor: 'a', architecture: 'b', software: false, features: [] } },
    { name: 'cpu', device: 'B' },
  ],
  cpuNodes: [{ model: 'm', version: 3, nodes: 2 }],
};

describe('toPrometheus', () => {
  const text = toPrometheus(FIGURES);
  const lines = text.split('\n');

  it('tells each version and the node', () => {
    for (const line of [
      'lepton_node_inferences_total{model="m",version="3",outcome="success"} 2',
      'lepton_node_inferences_total{model="m",version="3",outcome="fail"} 1',
      'lepton_node_inferences_total{model="m",version="3",outcome="refused"} 1',
      'lepton_node_request_duration_seconds_bucket{model="m",version="3",outcome="success",le="0.0025"} 0',
      'lepton_node_request_duration_seconds_bucket{model="m",version="3",outcome="success",le="0.005"} 1',
      'lepton_node_request_duration_seconds_bucket{model="m",version="3",outcome="success",le="10"} 1',
      'lepton_node_request_duration_seconds_bucket{model="m",version="3",outcome="success",le="+Inf"} 2',
      'lepton_node_request_duration_seconds_sum{model="m",version="3",outcome="success"} 70.004',
      'lepton_node_request_duration_seconds_count{model="m",version="3",outcome="success"} 2',
      'lepton_node_request_duration_seconds_count{model="m",version="3",outcome="fail"} 1',
      'lepton_node_queue_duration_seconds_bucket{model="m",version="3",le="0.001"} 2',
      'lepton_node_run_duration_seconds_bucket{model="m",version="3",le="0.0025"} 1',
      'lepton_node_batch_size_bucket{model="m",version="3",le="1"} 0',
      'lepton_node_batch_size_bucket{model="m",version="3",le="2"} 1',
      'lepton_node_batch_size_sum{model="m",version="3"} 2',
      'lepton_node_errors_total{model="m",version="3",code="invalid_tensor"} 1',
      'lepton_node_errors_total{model="m",version="3",code="overloaded"} 1',
      'process_resident_memory_bytes 6',
      'process_cpu_seconds_total 1.5',
      'process_start_time_seconds 1700000000',
      'lepton_node_queue_duration_seconds_sum{model="m",version="3"} 0.002',
      'lepton_node_items_total{model="m",version="3"} 2',
      'lepton_node_run_duration_seconds_count{model="m",version="3"} 1',
      'lepton_node_run_duration_seconds_sum{model="m",version="3"} 0.002',
      'lepton_node_load_seconds_total{model="m",version="3"} 1',
      'lepton_node_requests_running 1',
      'lepton_node_requests_queued 2',
      'lepton_node_model_bytes_limit 5',
      'lepton_node_event_loop_delay_seconds{quantile="0.99"} 0.02',
      'lepton_node_engine_info{engine="gpu",device="A",software="false"} 1',
      'lepton_node_engine_info{engine="cpu",device="B"} 1',
      'lepton_node_model_cpu_nodes{model="m",version="3"} 2',
      'lepton_node_info{version="1.2\\"\\\\3"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    expect(text).not.toContain('disk_bytes');
    expect(toPrometheus({ ...FIGURES, diskBytes: 7 })).toContain('\nlepton_node_disk_bytes 7\n');
  });

  it('is read by others as it was meant', () => {
    const families = parsePrometheus(text);
    expect(families).toHaveLength(lines.filter((line) => line.startsWith('# TYPE')).length);
    const errors = families.find(({ name }) => name === 'lepton_node_errors_total');
    const odd = { model: 'odd "name"\\\n', version: '1', code: 'internal' };
    expect(errors?.metrics).toContainEqual({ value: '1', labels: odd });
  });

  it('keeps the rules of the format and of its names', () => {
    const sample = /^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\d+(?:\.\d+)?(?:e[+-]\d+)?)$/;
    const seen = new Set<string>();
    let family = { name: '', type: '' };
    let bucket = { of: '', total: 0 };
    expect(text.endsWith('\n')).toBe(true);
    for (const line of lines.slice(0, -1)) {
      const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
      if (keyword === 'HELP') {
        expect(seen).not.toContain(name);
        seen.add(name);
        family = { name, type: '' };
      } else if (keyword === 'TYPE') {
        expect(name).toBe(family.name);
        family.type = rest;
        expect(name.endsWith('_total')).toBe(rest === 'counter');
        expect(name).not.toMatch(/_(ms|mib|kb|minutes|count|sum|bucket)$/);
      } else {
        const [, of = '', labels = '', value] = sample.exec(line) ?? [];
        const suffix = of.slice(family.name.length);
        expect(of, line).toBe(family.name + suffix);
        expect(family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).toContain(suffix);
        const group = labels.replace(/,?le="[^"]*"/, '');
        if (suffix === '_bucket') {
          expect(Number(value)).toBeGreaterThanOrEqual(bucket.of === of + group ? bucket.total : 0);
          bucket = { of: of + group, total: Number(value) };
        } else if (suffix === '_count') {
          expect([`${family.name}_bucket${group}`, Number(value)]).toEqual([bucket.of, bucket.total]);
        }
        expect(seen).not.toContain(`${of}{${labels}}`);
        seen.add(`${of}{${labels}}`);
      }
    }
  });
});
