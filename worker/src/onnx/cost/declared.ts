/**
 * Whether the shapes that a file declares agree with those that were computed. The runtime believes what is declared where
 * it infers nothing itself, and computes with it: a file that lies may run something else than was followed here.
 */
import type { Declared } from '../model.ts';
import { quote } from '../refuse.ts';
import { type Tensor, unbounded } from './tensor.ts';

/**
 * Sizes of the named dimensions of a graph and of those around it. Two graphs side by side may use one name for two sizes,
 * as branches that come from the same function do: their tensors never meet.
 */
export class Symbols {
  private readonly sizes = new Map<string, number>();
  private readonly around: Symbols | undefined;

  constructor(around?: Symbols) {
    this.around = around;
  }

  /** Whether the dimension has this size; the first tensor that has it decides. */
  agree(name: string, size: number): boolean {
    const known = this.find(name);
    if (known === undefined) this.sizes.set(name, size);
    return known === undefined || known === size;
  }

  private find(name: string): number | undefined {
    return this.sizes.get(name) ?? this.around?.find(name);
  }
}

/** By the tensor's name. */
export type DeclaredShapes = ReadonlyMap<string, readonly Declared[]>;

/** A function is called, and a body is followed, more than once. */
const known = new WeakMap<readonly Declared[], DeclaredShapes>();
/** One is usual, two are there of outputs. */
const MAX_OF_ONE = 8;

export function declaredShapes(all: readonly Declared[]): DeclaredShapes {
  const before = known.get(all);
  if (before) return before;
  const byName = new Map<string, Declared[]>();
  for (const declared of all) {
    const others = byName.get(declared.name);
    if (others) others.push(declared);
    else byName.set(declared.name, [declared]);
  }
  known.set(all, byName);
  return byName;
}

/** @throws Unbounded when a declared shape is another one, or a named dimension has two sizes */
export function checkDeclared(name: string, { shape }: Tensor, shapes: DeclaredShapes, symbols: Symbols): void {
  const all = shapes.get(name);
  if (!all || !shape) return;
  if (all.length > MAX_OF_ONE) unbounded(`the tensor ${quote(name)} is declared ${all.length} times`);
  for (const { dims } of all) {
    const agrees = dims.length === shape.length && dims.every((dim, axis) => agree(dim, shape[axis] ?? 0, symbols));
    if (agrees) continue;
    const told = dims.map((dim) => (dim === -1 ? '?' : typeof dim === 'string' ? quote(dim) : dim)).join(', ');
    unbounded(`the tensor ${quote(name)} is declared as [${told}], but comes out as [${shape.join(', ')}]`);
  }
}

function agree(dim: number | string, size: number, symbols: Symbols): boolean {
  if (typeof dim === 'number') return dim < 0 || dim === size;
  return symbols.agree(dim, size);
}
