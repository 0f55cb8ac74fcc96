/** The test suites: `unit` and `gpu-node` beside the code, `system` against one running gateway, `lifecycle` of the program itself. */
import { defineConfig } from 'vitest/config';

const LIFECYCLE = ['test/lifecycle.test.ts', 'test/soak.test.ts'];

/** Three processes share what cores there are: how long a test takes says nothing, and only one that hangs is to be ended. */
const PATIENCE = { testTimeout: 180_000, hookTimeout: 180_000, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    // One after the other in one process; `npm test` has three (`scripts/test.ts`).
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{protocol,text,client,worker,console,examples,standalone,scripts,bench}/**/*.test.{ts,tsx}'],
          ...PATIENCE,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'gpu-node',
          include: ['gpu-node/**/*.test.ts'],
          ...PATIENCE,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: LIFECYCLE,
          globalSetup: ['test/support/global-setup.ts'],
          ...PATIENCE,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'lifecycle',
          include: LIFECYCLE,
          ...PATIENCE,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
