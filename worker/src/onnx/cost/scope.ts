/** The tensors that the nodes of a graph see: its own and, inside of a body, those of the graphs around it. */
import type { Attribute } from '../model.ts';
import type { Names } from '../names.ts';
import type { Opsets } from '../opsets.ts';
import { quote } from '../refuse.ts';
import { checkDeclared, type DeclaredShapes, Symbols } from './declared.ts';
import { bytesOf, type Tensor, unbounded } from './tensor.ts';

/** Bounds the memory of one bound: dimensions and values of all tensors together. */
const MAX_NUMBERS = 2_000_000;
/** Nodes with all that belongs to them, those of a function once for each call: bounds the time of one bound. */
const MAX_STEPS = 1_000_000;
const MAX_DEPTH = 64;

export type Watch = (name: string, tensor: Tensor) => void;

/** What is shared by all scopes of one bound. */
export class Tally {
  readonly names: Names;
  /** Is told of each tensor when it is known. */
  readonly watch: Watch | undefined;
  /** Of the largest tensor or buffer. */
  largestBytes = 0;
  private numbers = 0;
  private steps = 0;

  constructor(names: Names, watch?: Watch) {
    this.names = names;
    this.watch = watch;
  }

  step(parts: number): void {
    this.steps += parts;
    if (this.steps > MAX_STEPS) unbounded('with its functions written out it has more nodes than are followed');
  }

  bytes(count: number): void {
    this.largestBytes = Math.max(this.largestBytes, count);
  }

  tensor(tensor: Tensor): void {
    this.bytes(bytesOf(tensor));
    this.numbers += 2 + (tensor.shape?.length ?? 0) + (tensor.values?.length ?? 0);
    if (this.numbers > MAX_NUMBERS) unbounded('it has more tensors than are followed');
  }
}

/** Names that are given by whoever calls the function that the nodes stand in. */
export type Attributes = ReadonlyMap<string, Attribute>;

/** What is the same for all graphs of the model, or for all of one call of a function. */
export interface Body {
  tally: Tally;
  opsets: Opsets;
  /** Of the call; undefined outside of functions. */
  given: Attributes | undefined;
}

export class Scope {
  readonly body: Body;
  private readonly tensors = new Map<number, Tensor>();
  private readonly declared: DeclaredShapes;
  private readonly symbols: Symbols;
  private readonly around: Scope | undefined;
  private readonly depth: number;

  constructor(body: Body, declared: DeclaredShapes, around?: Scope, depth = around ? around.depth + 1 : 0) {
    this.body = body;
    this.declared = declared;
    this.around = around;
    this.symbols = new Symbols(around?.symbols);
    this.depth = depth;
    if (depth > MAX_DEPTH) unbounded(`its graphs and functions are nested deeper than ${MAX_DEPTH}`);
  }

  /** The depth of a function that is called here. */
  get next(): number {
    return this.depth + 1;
  }

  /** @throws Unbounded when there is a tensor of this name here or around, of which the runtime may take either */
  define(name: number, tensor: Tensor): void {
    const { tally } = this.body;
    const text = tally.names.textOf(name);
    if (this.find(name)) unbounded(`the tensor ${quote(text)} is made twice`);
    checkDeclared(text, tensor, this.declared, this.symbols);
    tally.tensor(tensor);
    tally.watch?.(text, tensor);
    this.tensors.set(name, tensor);
  }

  find(name: number): Tensor | undefined {
    return this.tensors.get(name) ?? this.around?.find(name);
  }

  /** @throws Unbounded when there is none */
  get(name: number): Tensor {
    return this.find(name) ?? unbounded(`nothing makes the tensor ${quote(this.body.tally.names.textOf(name))}`);
  }
}
