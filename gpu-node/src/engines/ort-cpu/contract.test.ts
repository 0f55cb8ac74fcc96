import { describeContract } from '../contract.ts';
import { ortCpu } from './engine.ts';

describeContract(async () => ortCpu);
