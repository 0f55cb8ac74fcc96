/** Where figures come from: a line for the head of a recorded page. */
import { cpus, totalmem } from 'node:os';

export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `Measured ${new Date().toISOString().slice(0, 10)} on ${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB, Node ${process.version}.`;
}
