/** Which words of a Markdown page are paths of the repository: the rule behind `npm run docs:check`. */

export interface CitedPath {
  path: string;
  /** From 1. */
  line: number;
}

/** No globs, placeholders, addresses or package scopes: those have other characters. */
const PATH = /^(?<path>[\w.-]+(?:\/[\w.-]+)*\/?)(?::\d+)?$/;
const SOURCE_FILE = /\.(?:ts|tsx|js|mjs|json|toml|sql|md|ya?ml|html|css|sh)$/;
const CODE_SPAN = /(?<!`)`([^`\n]+)`(?!`)/g;
const FENCE = /^\s*(?:```|~~~)/;

/**
 * A code span cites a path when it has path characters only (a `:12` at its end is a line) and
 * - has a `/`, and begins with an entry of the root, ends with `/`, or ends like a source file; or
 * - has no `/` and is a `.md` or `.toml` file.
 * Fenced blocks are left out.
 * @param rootEntries the names of the files and folders at the repository's root.
 */
export function citedPaths(markdown: string, rootEntries: Set<string>): CitedPath[] {
  let fenced = false;
  return markdown.split('\n').flatMap((text, index) => {
    if (FENCE.test(text)) {
      fenced = !fenced;
      return [];
    }
    if (fenced) return [];
    return [...text.matchAll(CODE_SPAN)].flatMap(([, span = '']) => {
      const path = PATH.exec(span)?.groups?.path;
      return path !== undefined && looksLikePath(path, rootEntries) ? [{ path, line: index + 1 }] : [];
    });
  });
}

function looksLikePath(path: string, rootEntries: Set<string>): boolean {
  const [first = '', ...rest] = path.split('/');
  if (rest.length === 0) return /\.(?:md|toml)$/.test(path);
  return rootEntries.has(first) || path.endsWith('/') || SOURCE_FILE.test(path);
}
