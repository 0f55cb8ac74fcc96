/** `lepton keys quota …`, `lepton keys usage …` */
import type { DayUsage, Quota } from '@lepton-edge/protocol';
import type { Command, Input } from '../command.ts';
import { UsageError } from '../failure.ts';
import { table } from '../text.ts';
import { time } from '../values.ts';

const setQuota: Command = {
  words: 'keys quota',
  summary: 'set the whole of what a key may use',
  about:
    'What is not named has no limit from then on. Compute units are elements of input tensors, or tokens of texts, that are really computed.',
  args: ['KEY'],
  options: {
    requests: { type: 'string', value: 'N', help: 'requests a minute' },
    concurrent: { type: 'string', value: 'N', help: 'requests at a time' },
    units: { type: 'string', value: 'N', help: 'compute units a minute' },
    none: { type: 'boolean', help: 'no limits at all' },
  },
  examples: ['keys quota key_01JZX3P7Q2 --requests 600 --concurrent 8', 'keys quota key_01JZX3P7Q2 --none'],
  async run(context, input) {
    const limits = {
      requestsPerMinute: input.whole('requests', 1) ?? null,
      concurrentRequests: input.whole('concurrent', 1) ?? null,
      computeUnitsPerMinute: input.whole('units', 1) ?? null,
    };
    const isNone = Object.values(limits).every((limit) => limit === null);
    if (isNone !== input.flag('none')) {
      throw new UsageError('expected limits, or --none', 'limits are --requests N, --concurrent N and --units N');
    }
    const client = await context.client();
    const quota = await client.keys.setQuota(input.arg(0), limits, { signal: context.signal });
    return { json: quota, text: `${input.arg(0)}: ${quotaText(quota)}` };
  },
};

const showUsage: Command = {
  words: 'keys usage',
  summary: 'show what a key has used, by UTC day',
  about: 'A key may see its own. Without --from it is the last 30 days, of which those without requests are left out.',
  args: ['KEY'],
  options: {
    from: { type: 'string', value: 'DAY', help: 'the first day: 2027-01-01, or 7d (that long ago)' },
    to: { type: 'string', value: 'DAY', help: 'the last day; default: today' },
  },
  examples: ['keys usage key_01JZX3P7Q2', 'keys usage key_01JZX3P7Q2 --from 7d --json'],
  async run(context, input) {
    const client = await context.client();
    const [from, to] = [day('from', input), day('to', input)];
    const usage = await client.keys.usage(input.arg(0), { from, to, signal: context.signal });
    const used = usage.days.filter(({ requests, refused, computeUnits }) => requests + refused + computeUnits > 0);
    const rows = [...used, totalOf(used)].map(({ date, requests, refused, computeUnits }) => [
      date,
      String(requests),
      String(refused),
      String(computeUnits),
    ]);
    const headings = ['DAY', 'REQUESTS', 'REFUSED', 'COMPUTE UNITS'];
    return {
      json: usage,
      text: table(headings, used.length > 0 ? rows : [], `nothing from ${usage.from} to ${usage.to}`),
    };
  },
};

export const QUOTA_COMMANDS = [setQuota, showUsage];

/** `600 requests a minute, 8 at a time` */
export function quotaText(quota: Quota | undefined): string {
  const limits = [
    quota?.requestsPerMinute && `${quota.requestsPerMinute} requests a minute`,
    quota?.concurrentRequests && `${quota.concurrentRequests} at a time`,
    quota?.computeUnitsPerMinute && `${quota.computeUnitsPerMinute} units a minute`,
  ].filter(Boolean);
  return limits.join(', ') || 'no limits';
}

function day(option: string, input: Input): string | undefined {
  const text = input.text(option);
  return text && time(option, text).slice(0, 10);
}

function totalOf(days: readonly DayUsage[]): DayUsage {
  const sum = (of: (day: DayUsage) => number) => days.reduce((total, each) => total + of(each), 0);
  return {
    date: 'total',
    requests: sum(({ requests }) => requests),
    refused: sum(({ refused }) => refused),
    computeUnits: sum(({ computeUnits }) => computeUnits),
  };
}
