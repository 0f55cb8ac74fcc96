/** Settings as a file states them: YAML, and so JSON, too, by the names of the flags. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { ALL, type Given } from './config-sources.ts';
import { nearest } from './nearest.ts';
import type { Setting } from './settings.ts';

export interface FileSettings {
  given: Given[];
  /** Every mistake, one sentence each, beginning with the file's name. */
  problems: string[];
}

export function readConfigFile(path: string): FileSettings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { given: [], problems: [`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`] };
  }
  return settingsIn(text, path);
}

/** @param path what the file is called in sentences; relative paths in it count from its directory */
function settingsIn(text: string, path: string): FileSettings {
  const document = parseDocument(text, { lineCounter: new LineCounter() });
  const problems = document.errors.map(({ linePos, message }) => {
    const sentence = message.split(/ at line |\n/)[0];
    return `${path}: line ${linePos?.[0].line ?? 1}: ${sentence}`;
  });
  if (problems.length > 0) return { given: [], problems };
  let content: unknown;
  try {
    content = document.toJS();
  } catch {
    // What YAML says quotes what may be a secret.
    return {
      given: [],
      problems: [`${path}: an alias (*name) stands for nothing there: put what begins with * in quotes`],
    };
  }
  if (content === null) return { given: [], problems };
  if (typeof content !== 'object' || Array.isArray(content)) {
    return { given: [], problems: [`${path}: expected settings, such as "port: 8000"`] };
  }
  const given: Given[] = [];
  for (const [name, stated] of Object.entries(content)) {
    const source = `${path}: ${name}`;
    const [key, setting] = ALL.find(([, { flag }]) => flag === name) ?? [];
    const value = setting && textOf(setting, stated);
    if (!key || !setting) problems.push(`${source}: ${unknownName(name)}`);
    else if (value === undefined)
      problems.push(
        `${source}: expected ${expected(setting)}${setting.isSecret ? '' : `, got ${JSON.stringify(stated)}`}`,
      );
    else given.push({ key, source, value: setting.isPath ? resolve(dirname(path), String(value)) : value });
  }
  return { given, problems };
}

/** As a flag would state it; undefined where none could. */
function textOf({ multiple }: Setting, stated: unknown): string | string[] | undefined {
  if (multiple) {
    if (stated === null || typeof stated !== 'object') return undefined;
    if (!Array.isArray(stated)) return Object.entries(stated).map(([name, value]) => `${name}=${value}`);
    return stated.every((item) => typeof item === 'string') ? stated : undefined;
  }
  if (Array.isArray(stated)) return stated.every((item) => typeof item === 'string') ? stated.join(',') : undefined;
  if (typeof stated === 'boolean') return stated ? 'on' : 'off';
  return typeof stated === 'string' || typeof stated === 'number' ? String(stated) : undefined;
}

function expected({ multiple, value }: Setting): string {
  return multiple ? 'names with a value each' : value;
}

function unknownName(name: string): string {
  const known = nearest(
    name,
    ALL.map(([, { flag }]) => flag),
  );
  return `no setting has this name: ${known === undefined ? 'they are those of the flags, see --help' : `did you mean ${known}?`}`;
}
