/** Where figures come from: a line for the head of a recorded page. */
import { cpus, totalmem } from 'node:os';

export function machine(): string {
  return `Measured ${new Date().toISOString().slice(0, 10)} on ${hardware()}, Node ${process.version}.`;
}

export function hardware(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 1024 ** 3)} GiB`;
}
