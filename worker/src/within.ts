/** Waits for work no longer than a while. */

/**
 * What becomes of the work, or of `whenLate` where that takes longer; the work goes on, and what becomes of it then is nobody's.
 * @throws as the work does, or as `whenLate`
 */
export async function within<T, L>(work: Promise<T>, ms: number, whenLate: () => L): Promise<T | L> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    return await Promise.race([work, late.then(whenLate)]);
  } finally {
    clearTimeout(timer);
  }
}
