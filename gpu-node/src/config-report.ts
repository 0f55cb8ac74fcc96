/** What the program says of its settings: the help, and what they come to. */
import type { Config } from './config.ts';
import { ALL, type Given } from './config-sources.ts';
import { CONFIG_ENV, type Key } from './settings.ts';

export function helpText(): string {
  const lines = ALL.map(([, { flag, value, env, help }]) => lineOf(`--${flag} ${value}`, `${help} [${env}]`));
  const usage = [
    'Usage: lepton-gpu-node --gateway URL --token-file FILE [options]',
    '       lepton-gpu-node --model-repository DIR [--key-file FILE] [options]',
    '       lepton-gpu-node --config FILE [options]',
  ];
  const others = [
    lineOf('--config FILE', `settings in YAML or JSON, by the names of the options here [${CONFIG_ENV}]`),
    lineOf('--check-config', 'says what the settings come to, or all that is wrong with them, and ends'),
    '  --help',
  ];
  return [...usage, '', ...lines, ...others].join('\n');
}

/** All settings, as a file that states the same but for secrets; behind each where it comes from. */
export function effectiveText(config: Config, given: ReadonlyMap<Key, Given>): string {
  const lines = ALL.flatMap(([key, { flag, isSecret }]) => {
    const value = isSecret && config[key] !== undefined ? '(hidden)' : shown(config, key);
    const source = given.get(key)?.source ?? 'default';
    if (value === undefined) return [];
    return [isSecret ? `# ${flag}: ${value}, ${source}` : `${flag}: ${JSON.stringify(value)}  # ${source}`];
  });
  return lines.join('\n');
}

function shown(config: Config, key: Key): unknown {
  if (key === 'metricsAddress') {
    const { metricsAddress } = config;
    if (metricsAddress === 'off') return 'off';
    const { host, port } = metricsAddress;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }
  // It means nothing with a gateway.
  if (key === 'load' && config.gateway !== undefined) return undefined;
  if (key === 'load') return Array.isArray(config.load) ? config.load.join(',') || 'none' : config.load;
  const value = config[key];
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
}

function lineOf(option: string, help: string): string {
  return `  ${option.padEnd(24)}${help}`;
}
