/** How every script here ends: a failure that a person can act on is one sentence without a stack. */
import { parseArgs } from 'node:util';
import { Failure } from '../standalone/src/failure.ts';

/** Runs `main` and sets the exit status: 1 for anything thrown. */
export async function runScript(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

/**
 * The flags of this process's command line.
 * @throws Failure with `usage` for a flag that is not in `options`.
 */
export function readFlags<T extends Options>(options: T, usage: string) {
  try {
    return parseArgs({ options, strict: true }).values;
  } catch (cause) {
    throw new Failure(`${(cause as Error).message}\n\n${usage}`, { cause });
  }
}
