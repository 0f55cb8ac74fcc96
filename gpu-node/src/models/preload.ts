/** Loads at the start what is to be there before anybody asks, as far as there is room. */
import type { Catalogue, NamedVersion } from './catalogue.ts';
import type { DirectoryIndex } from './directory-index.ts';
import type { Models } from './lifecycle.ts';

export interface PreloadParts {
  directory: DirectoryIndex;
  catalogue: Pick<Catalogue, 'versions' | 'manifestOf'>;
  models: Pick<Models, 'hasRoomFor'>;
}

/** Labels, `name@3`. */
export interface Preloaded {
  loaded: string[];
  failed: string[];
  /** For which there was no room. */
  left: string[];
}

/**
 * @param names the models whose newest version is to be loaded, or `all`
 * @returns does it until `stopped`; never rejects
 * @throws Error when a model that is named is not there
 */
export function preload(
  names: 'all' | readonly string[],
  { directory, catalogue, models }: PreloadParts,
): (stopped: () => boolean) => Promise<Preloaded> {
  const there = new Set(catalogue.versions().map(({ model }) => model));
  const absent = names === 'all' ? [] : names.filter((name) => !there.has(name));
  if (absent.length > 0) {
    const known = [...there].join(', ') || 'no model';
    throw new Error(`--load names ${absent.join(', ')}, but the model repository has ${known} that can be served`);
  }
  const wanted = names === 'all' ? [...there] : [...new Set(names)];
  const queue = wanted.flatMap((model) => catalogue.versions(model).at(-1) ?? []);
  return async (stopped) => {
    const result: Preloaded = { loaded: [], failed: [], left: [] };
    for (const named of queue) {
      if (stopped()) break;
      const label = `${named.model}@${named.version}`;
      // Nothing that was just loaded goes for something that nobody has asked for yet.
      if (!models.hasRoomFor(bytesOf(directory, named))) {
        result.left.push(label);
        continue;
      }
      // Why one cannot be loaded is logged where it fails.
      await catalogue.manifestOf(named).then(
        () => result.loaded.push(label),
        () => result.failed.push(label),
      );
    }
    return result;
  };
}

function bytesOf(directory: DirectoryIndex, { model, version }: NamedVersion): number {
  return directory.find(model, version)?.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
}
