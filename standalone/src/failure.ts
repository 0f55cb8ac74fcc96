/** The failures a person at the terminal can act on, as against defects: shown as one sentence, without a stack. */

/** `message` is one sentence that says what is wrong and what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** The sentence to show for anything thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return String(error);
}

/** The errno of a failed system call, `undefined` for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
