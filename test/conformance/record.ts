/** `npm run docs:conformance`: prints the conformance table into its document. */
import { writeFile } from 'node:fs/promises';
import { document } from './table.ts';

await writeFile(new URL('../../docs/conformance.md', import.meta.url), document());
