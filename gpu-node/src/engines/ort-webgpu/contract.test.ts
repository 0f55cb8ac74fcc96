import { swiftShaderEnv } from '../../testing/swiftshader.ts';
import { describeContract } from '../contract.ts';
import { ortWebgpu } from './engine.ts';

describeContract(async () => ortWebgpu({ mode: 'on', strict: false }, { env: await swiftShaderEnv() }));
