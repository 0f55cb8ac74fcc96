/** The identifiers in the runtime's binaries that may be names of operators. */
import { readFileSync } from 'node:fs';

const BINARIES = [
  'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
];
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]{1,63}/g;
/** Operators have at most this many characters; longer identifiers are mangled symbols. */
const MAX_NAME_LENGTH = 48;
const MIN_NAME_LENGTH = 2;
/** Compilers keep names this short in instructions instead of the data the identifiers are found in. */
const SHORT_NAMES =
  'If Or Abs Add And Cos Div Elu Erf Exp Log Max Min Mod Mul Neg Not Pad Pow Sin Sub Sum Tan Xor'.split(' ');

/** Sorted, each once. */
export function candidateNames(): string[] {
  const names = new Set(SHORT_NAMES);
  for (const binary of BINARIES) {
    const text = readFileSync(new URL(`../../node_modules/${binary}`, import.meta.url), 'latin1');
    for (const [identifier] of text.matchAll(IDENTIFIER)) {
      for (const name of namesIn(identifier, binary.endsWith('.wasm'))) {
        if (name.length >= MIN_NAME_LENGTH && name.length <= MAX_NAME_LENGTH) names.add(name);
      }
    }
  }
  return [...names].sort();
}

/** An operator's name may stand inside a class's ("ScalerOp") or behind another word ("ImageScaler"). */
function* namesIn(identifier: string, suffixes: boolean): Generator<string> {
  for (const { index } of identifier.matchAll(/[A-Z]/g)) {
    if (index > 0 && !suffixes) return;
    const name = identifier.slice(index);
    yield name;
    if (name.endsWith('Op')) yield name.slice(0, -2);
  }
}
