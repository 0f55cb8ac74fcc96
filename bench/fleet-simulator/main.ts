/** Prints how the choosing of nodes does in virtual time, for `docs/performance.md`: `node bench/fleet-simulator/main.ts`. */
import { compare } from './scenarios.ts';

const ms = (value: number) => (value < 100 ? value.toFixed(0) : Math.round(value).toLocaleString('en'));
const print = (...cells: string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
print('', 'ours: p50, p99, slowest', 'by turns', 'at random', 'failed', 'made again', 'loads');
print(...Array<string>(7).fill('---'));
for (const { scenario, outcomes } of await compare()) {
  const all = [outcomes.ours, outcomes['round-robin'], outcomes.random];
  const times = all.map(({ p50, p99, slowest }) => `${ms(p50)}, ${ms(p99)}, ${ms(slowest)}`);
  const counts = (['failed', 'again', 'loads'] as const).map((what) => all.map((each) => each[what]).join(' / '));
  print(scenario.name, ...times, ...counts);
}
