/** Days of the UTC calendar, by which usage is counted. */
export const DAY_MS = 24 * 60 * 60 * 1000;

/** `2027-01-31` @param time in ms since 1970 */
export function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
