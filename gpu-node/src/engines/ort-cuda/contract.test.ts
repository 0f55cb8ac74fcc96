/** What every engine promises, where there is CUDA; elsewhere, that the engine says why there is none. */
import { expect, it } from 'vitest';
import { describeContract } from '../contract.ts';
import { ortCuda } from './engine.ts';

const reason = await ortCuda.start().then(
  () => undefined,
  (error: Error) => error.message,
);

if (reason === undefined) describeContract(async () => ortCuda);
else {
  it('says what it lacks, and what to do', () => {
    const missing =
      /^CUDA cannot be used \((?:.*\.so[.\d]*: cannot open shared object file.*|.*CUDA failure \d+.*|no available backend.*)\)/;
    expect(reason).toMatch(missing);
    expect(reason).toContain('expected libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so beside');
  });
}
