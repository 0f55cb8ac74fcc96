#!/usr/bin/env node
/** Starts the node where Node can run it, and says what is needed where it cannot. Plain JavaScript: any Node reads it. */
const NEEDED = 24;

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  await import('../src/main.ts');
} else {
  process.stderr.write(
    `lepton-gpu-node needs Node ${NEEDED} or later, which runs TypeScript as it is; this is ${process.version}.\n` +
      'In the repository `npx lepton-gpu-node` takes the one that npm install brought.\n',
  );
  process.exitCode = 2;
}
