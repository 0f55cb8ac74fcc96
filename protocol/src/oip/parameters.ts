/**
 * What the parameters of a request ask for that is not served here, and would change the answer if it were left out; and what is
 * served, but asked for wrongly.
 * Source: Triton Inference Server, the extensions on shared memory, classification, sequences, schedule policy, binary data.
 *
 * Any other parameter is accepted, names nobody knows as well.
 */
import { LeptonError } from '../errors.ts';
import { priorityOfParameters, timeoutOfParameters } from './schedule-policy.ts';
import type { InferRequestBody, Parameters } from './schema.ts';

const SHARED_MEMORY = ['shared_memory_region', 'shared_memory_offset', 'shared_memory_byte_size'];

/** @throws LeptonError `invalid_request` naming the parameter and what to do instead */
export function checkParameters({ parameters, inputs, outputs = [] }: InferRequestBody): void {
  checkFlag(parameters, 'binary_data_output', '');
  checkSequence(parameters);
  timeoutOfParameters(parameters);
  priorityOfParameters(parameters);
  for (const input of inputs) {
    const subject = `input ${JSON.stringify(input.name)}: `;
    checkSharedMemory(input.parameters, subject, 'send the data in the request');
  }
  for (const output of outputs) {
    const subject = `output ${JSON.stringify(output.name)}: `;
    checkSharedMemory(output.parameters, subject, 'take the data from the answer');
    checkFlag(output.parameters, 'binary_data', subject);
    const classes = output.parameters?.classification;
    if (classes !== undefined && classes !== 0) {
      refuse(`${subject}the parameter "classification" is not served here: ask for the scores and sort them`);
    }
  }
}

function checkSharedMemory(parameters: Parameters | undefined, subject: string, instead: string): void {
  const name = SHARED_MEMORY.find((each) => parameters?.[each] !== undefined);
  if (name) refuse(`${subject}the parameter "${name}" is not served here, there is no shared memory: ${instead}`);
}

/** Clients leave it 0 or empty for a request of its own. */
function checkSequence(parameters: Parameters | undefined): void {
  const id = parameters?.sequence_id;
  if (id === undefined || id === 0 || id === '') return;
  refuse(
    'the parameter "sequence_id" is not served here, no state is kept between requests: send the state as an input',
  );
}

function checkFlag(parameters: Parameters | undefined, name: string, subject: string): void {
  const value = parameters?.[name];
  if (value === undefined || typeof value === 'boolean') return;
  refuse(`${subject}the parameter "${name}": expected true or false, got ${JSON.stringify(value)}`);
}

function refuse(sentence: string): never {
  throw new LeptonError('invalid_request', sentence);
}
