/**
 * One call of ONNX Runtime at a time. It keeps a stack over the awaits inside of a call, so that two which began in the same turn of
 * the event loop would undo each other's. Runs come one by one from their queue (`run-queue.ts`); what loads, releases and tries out
 * does not. A call waits for nothing outside: with the next turn the one before has ended.
 */
export class Turns {
  #isTaken = false;

  async take<T>(work: () => Promise<T>): Promise<T> {
    while (this.#isTaken) await scheduler.wait(0);
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      this.#isTaken = false;
    }
  }
}
