/** What stands in a directory of models, as it was read last. */
import { type FoundModels, type FoundVersion, readModelDirectory } from './model-directory.ts';

export class DirectoryIndex {
  readonly #root: string;
  #found: FoundModels = { versions: [], faults: [] };
  #byModel = new Map<string, FoundVersion[]>();

  constructor(root: string) {
    this.#root = root;
  }

  get found(): FoundModels {
    return this.#found;
  }

  /** A version whose files are as they were stays the same object. @throws Error when the directory cannot be read */
  async scan(): Promise<void> {
    const { versions, faults } = await readModelDirectory(this.#root);
    const kept = versions.map((version) => {
      const before = this.find(version.model, version.version);
      return before && JSON.stringify(before) === JSON.stringify(version) ? before : version;
    });
    this.#found = { versions: kept, faults };
    this.#byModel = Map.groupBy(kept, ({ model }) => model);
  }

  /** By number; none where there is no such model. */
  versionsOf(model: string): readonly FoundVersion[] {
    return this.#byModel.get(model) ?? [];
  }

  readonly find = (model: string, version: number): FoundVersion | undefined =>
    this.versionsOf(model).find((found) => found.version === version);
}
