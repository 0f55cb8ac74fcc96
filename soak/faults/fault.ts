/** What a fault is: something done to a fleet at work, and what its callers may be told meanwhile. */
import type { Tally } from '../support/callers.ts';
import type { Stage } from './stage.ts';

export interface Fault {
  name: string;
  /** What is done, as a sentence. */
  what: string;
  /** Failures that callers may see, by status and code; any other is a violation, and so is a wrong answer. */
  told: readonly string[];
  /** Before the first round. */
  begin?(stage: Stage): Promise<void>;
  /** Leaves the stage as it found it. */
  round(stage: Stage): Promise<Round>;
  /** After the last round. @returns violations */
  end?(stage: Stage): Promise<string[]>;
}

export interface Round {
  /** What the callers saw. */
  tally: Tally;
  /** From the fault until everything was as before. */
  recoveredMs?: number;
  violations?: string[];
}
