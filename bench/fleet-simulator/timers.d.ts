/** The Worker's code clears timers that were never set, which is nothing to Node either, though its types do not say so. */
declare function clearTimeout(timer: NodeJS.Timeout | null): void;
