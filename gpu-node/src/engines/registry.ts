/** The engines of this machine: started by priority, asked in that order, with the reasons of those that cannot. */
import type { EngineReport } from '@lepton-edge/protocol';
import { type Engine, EngineError, type EngineRegistration, type Instance, type ModelSource } from './engine.ts';

export interface EngineAbsence {
  name: string;
  reason: string;
}

export class Engines {
  readonly #engines: readonly Engine[];
  /** Engines that could not start here, and why. */
  readonly absent: readonly EngineAbsence[];

  private constructor(engines: Engine[], absent: EngineAbsence[]) {
    this.#engines = engines;
    this.absent = absent;
  }

  /** @throws Error naming every reason when no engine can start. */
  static async start(registrations: readonly EngineRegistration[]): Promise<Engines> {
    const byPriority = [...registrations].sort((a, b) => b.priority - a.priority);
    const engines: Engine[] = [];
    const absent: EngineAbsence[] = [];
    for (const registration of byPriority) {
      try {
        engines.push(await registration.start());
      } catch (error) {
        absent.push({ name: registration.name, reason: messageOf(error) });
      }
    }
    if (engines.length === 0) {
      const reasons = absent.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
      throw new Error(`no engine can run on this machine (${reasons || 'none is registered'})`);
    }
    return new Engines(engines, absent);
  }

  get reports(): EngineReport[] {
    return this.#engines.map((engine) => engine.report);
  }

  /** Those on which a model may be tried apart from all others. */
  get apart(): readonly Engine[] {
    return this.#engines.filter(({ loadApart }) => loadApart !== undefined);
  }

  /**
   * Loads a model on the first engine that can and is not to be avoided.
   * @throws EngineError `unsupported` with every engine's reason, or the first failure of another kind.
   */
  async load(source: ModelSource): Promise<Instance> {
    const reasons: string[] = [];
    for (const engine of this.#engines) {
      const avoided = source.avoid?.[engine.report.name];
      if (avoided !== undefined) {
        reasons.push(`${engine.report.name}: ${avoided}`);
        continue;
      }
      try {
        return await engine.load(source);
      } catch (error) {
        if (!(error instanceof EngineError) || error.failure !== 'unsupported') throw error;
        reasons.push(`${engine.report.name}: ${error.message}`);
      }
    }
    throw new EngineError('unsupported', `no engine of this node can load ${source.label} (${reasons.join('; ')})`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
