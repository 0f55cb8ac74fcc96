/** The batch in which an item cost least, where that is worth it; 1 where none is. @param perItemMs by the sizes tried */
export function bestBatchSize(perItemMs: Readonly<Record<string, number>>): number {
  const alone = { size: 1, ms: perItemMs['1'] ?? 0 };
  return Object.entries(perItemMs).reduce(
    (least, [size, ms]) => (ms < least.ms * 0.95 ? { size: Number(size), ms } : least),
    alone,
  ).size;
}
