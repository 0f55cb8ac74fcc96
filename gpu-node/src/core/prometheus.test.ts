import { describe, expect, it } from 'vitest';
import { toPrometheus } from './prometheus.ts';
import { Statistics } from './statistics.ts';

const statistics = new Statistics();
const execution = { items: 2, inputMs: 0, runMs: 2, outputMs: 0 };
const measured = { inferences: 1, queueMs: 1, inputMs: 0, runMs: 2, outputMs: 0, loadMs: 500 };
statistics.succeeded('m', 3, { ...measured, totalMs: 4, execution });
statistics.succeeded('m', 3, { ...measured, totalMs: 20_000 });
statistics.failed('m', 3, 1);
statistics.refused('m', 3);

const FIGURES = {
  versions: statistics.all(),
  inFlight: 1,
  queued: 2,
  modelsLoaded: 3,
  modelBytes: 4,
  maxModelBytes: 5,
  residentBytes: 6,
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
      'lepton_node_inference_seconds_bucket{model="m",version="3",le="0.0025"} 0',
      'lepton_node_inference_seconds_bucket{model="m",version="3",le="0.005"} 1',
      'lepton_node_inference_seconds_bucket{model="m",version="3",le="10"} 1',
      'lepton_node_inference_seconds_bucket{model="m",version="3",le="+Inf"} 2',
      'lepton_node_inference_seconds_sum{model="m",version="3"} 20.004',
      'lepton_node_inference_seconds_count{model="m",version="3"} 2',
      'lepton_node_queue_seconds_total{model="m",version="3"} 0.002',
      'lepton_node_items_total{model="m",version="3"} 2',
      'lepton_node_executions_total{model="m",version="3"} 1',
      'lepton_node_run_seconds_total{model="m",version="3"} 0.002',
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

  it('is nothing but comments and samples, each family once', () => {
    for (const line of lines.slice(0, -1)) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) lepton_node_\w+ .+|lepton_node_\w+(\{(\w+="([^"\\]|\\.)*",?)+\})? [\d.e+-]+)$/,
      );
    }
    const families = lines.filter((line) => line.startsWith('# TYPE'));
    expect(new Set(families).size).toBe(families.length);
  });
});
