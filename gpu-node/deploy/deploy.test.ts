import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { validate as validateDockerfile } from 'dockerfile-utils';
import { StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';
import { ALL } from '../src/config-sources.ts';
import { toPrometheus } from '../src/core/prometheus.ts';
import { newCounters } from '../src/core/statistics.ts';
import { isOpen, matchRoute } from '../src/server/route.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = (name: string) => join(root, 'gpu-node/deploy', name);
const text = (name: string) => readFileSync(here(name), 'utf8');

/** What stands in a file of Kubernetes, with the type that its kind has. */
const KINDS = {
  Service: { model: Service, from: 'kubernetes-models/v1' },
  StatefulSet: { model: StatefulSet, from: 'kubernetes-models/apps/v1' },
  PodDisruptionBudget: { model: PodDisruptionBudget, from: 'kubernetes-models/policy/v1' },
  ScaledObject: { model: ScaledObject, from: '@kubernetes-models/keda/keda.sh/v1alpha1' },
} as const;

const manifests = readdirSync(here('kubernetes'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => ({ name, content: parse(text(join('kubernetes', name))) }))
  .filter(({ content }) => content.kind in KINDS) as { name: string; content: { kind: keyof typeof KINDS } }[];
const statefulSet = manifests.find(({ content }) => content.kind === 'StatefulSet')?.content as unknown as StatefulSet;

describe('the manifests of Kubernetes', () => {
  it('are as its API describes them', () => {
    expect(manifests.map(({ content }) => content.kind).sort()).toEqual(Object.keys(KINDS).sort());
    for (const { content } of manifests) {
      const { model: Model } = KINDS[content.kind];
      new Model(content as never).validate();
    }
  });

  it('have no field that its API does not have', () => {
    // Literals of a type are checked for such by the compiler, at every depth.
    const folder = mkdtempSync(join(tmpdir(), 'lepton-manifests-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const lines = manifests.map(({ content }, i) => {
      const { from } = KINDS[content.kind];
      const type = `I${content.kind}`;
      return `import type { ${type} as T${i} } from '${from}';\nexport const m${i}: T${i} = ${JSON.stringify(content)};\n`;
    });
    writeFileSync(join(folder, 'manifests.ts'), lines.join(''));
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    const tsc = join(root, 'node_modules/.bin/tsc');
    const said = (() => {
      try {
        return execFileSync(tsc, [...flags, 'manifests.ts'], { cwd: folder, encoding: 'utf8' });
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    })();
    expect(said).toBe('');
  });

  it('ask after health where a node answers everybody', () => {
    const [container] = statefulSet.spec?.template.spec?.containers ?? [];
    const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
    const kinds = probes.map((probe) => {
      const path = probe?.httpGet?.path ?? '';
      return isOpen(path) && matchRoute(path)?.route.kind;
    });
    expect(kinds).toEqual(['live', 'live', 'ready']);
  });

  it('scale by a figure that a node tells', () => {
    const scaled = manifests.find(({ content }) => content.kind === 'ScaledObject')?.content as unknown as ScaledObject;
    const { query = '' } = scaled.spec.triggers[0]?.metadata ?? {};
    const [name = 'none'] = /lepton_\w+/.exec(query) ?? [];
    expect(told()).toContain(`\n${name}{`);
  });
});

describe('the settings that are deployed', () => {
  it('are settings that a node takes', () => {
    const [container] = statefulSet.spec?.template.spec?.containers ?? [];
    const named = (container?.env ?? []).map(({ name, value = 'gpu-node-0' }) => [name, value] as const);
    const env = Object.fromEntries(
      [...imageVariables(), ...named].map(([name, value]) => [name, value.replace(/\$\(\w+\)/, 'n')]),
    );
    expect(readConfig(['--config', here('kubernetes/gpu-node.yaml')], env)).toMatchObject({
      kind: 'config',
      config: { port: 8000, host: '0.0.0.0', metricsAddress: { port: 8002 } },
    });
    expect(readConfig(['--config', here('systemd/config.yaml')], {})).toMatchObject({ kind: 'config' });
  });

  it('have names that a node knows', () => {
    const known = new Set(ALL.map(([, { env }]) => env));
    const unit = [...text('systemd/lepton-gpu-node.service').matchAll(/^Environment=(LEPTON_\w+)/gm)].map(
      ([, name]) => name,
    );
    const names = [...imageVariables().map(([name]) => name), ...unit];
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !known.has(name as never))).toEqual([]);
  });
});

describe('the unit', () => {
  it('does not start again what ended for wrong settings', () => {
    const unit = text('systemd/lepton-gpu-node.service');
    const wrong = readConfig(['--port', 'x'], {});
    const exitCode = 'exitCode' in wrong ? wrong.exitCode : undefined;
    expect(unit).toContain(`\nRestartPreventExitStatus=${exitCode}\n`);
    // How any other command ends is not asked.
    expect([...unit.matchAll(/^Exec\w+=/gm)].map(([name]) => name)).toEqual(['ExecStart=']);
  });
});

describe('the Dockerfile', () => {
  it('has nothing that its linter knows to be wrong', () => {
    expect(
      validateDockerfile(text('Dockerfile')).map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    ).toEqual([]);
  });

  it('takes the Node that the repository takes', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(text('Dockerfile')).toContain(`NODE_IMAGE=node:${devDependencies.node}-`);
  });
});

function imageVariables(): [string, string][] {
  return [...text('Dockerfile').matchAll(/(LEPTON_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]);
}

function told(): string {
  return toPrometheus({
    versions: [newCounters('m', 1)],
    inFlight: 0,
    queued: 0,
    modelsLoaded: 0,
    modelBytes: 0,
    maxModelBytes: 0,
    process: { residentBytes: 0, cpuSeconds: 0, startSeconds: 0 },
    eventLoopDelay: [],
    diskBytes: 0,
    softwareVersion: '0',
    engines: [],
    cpuNodes: [],
  });
}
