/** The running gateway's OpenAPI document, and whether an answer is one that it tells of. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer } from './api.ts';

interface Media {
  content?: Record<string, { schema?: object }>;
}

interface Header {
  required?: boolean;
  schema: object;
}

interface Response extends Media {
  headers?: Record<string, Header | { $ref: string }>;
}

export interface Operation {
  path: string;
  method: string;
  operationId: string;
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: Media;
  responses: Record<string, Response>;
}

interface Document {
  paths: Record<string, Record<string, Omit<Operation, 'path' | 'method'>>>;
  components: { schemas: Record<string, object>; headers: Record<string, Header> };
}

export class Documented {
  readonly operations: readonly Operation[];
  readonly #headers: Record<string, Header>;
  readonly #ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  private constructor(document: Document) {
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ ...operation, path, method })),
    );
    this.#headers = document.components.headers;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(closed(document) as object, 'document');
  }

  static async of(url: string): Promise<Documented> {
    return new Documented((await (await fetch(`${url}/openapi.json`)).json()) as Document);
  }

  /** What of an answer the document does not tell; empty when it is as documented. */
  problemsOf({ path, method, responses }: Operation, { status, headers, text }: Answer): string[] {
    const media = responses[String(status)];
    if (!media) return [`status ${status} is not documented: ${text.slice(0, 300)}`];
    const wrong = this.#wrongHeaders(media, headers).map((problem) => `${status}: ${problem}`);
    if (wrong.length > 0) return wrong;
    const type = headers.get('content-type')?.split(';')[0] ?? '';
    if (method === 'head' || !media.content) return text === '' ? [] : [`${status} has a body: ${text.slice(0, 300)}`];
    if (!media.content[type]) return [`${status} has a body of type ${type || 'none'}`];
    if (!type.endsWith('json')) return [];
    const pointer = ['paths', path, method, 'responses', String(status), 'content', type, 'schema'];
    const validate = this.#validator(`document#/${pointer.map(escaped).join('/')}`);
    if (validate(JSON.parse(text))) return [];
    return (validate.errors ?? []).map(
      (error) => `${status}${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
    );
  }

  /** Those that are always sent are there, each is as it is said to be, and none of those that have a name there comes where it is not told of. */
  #wrongHeaders({ headers: told = {} }: Response, headers: Headers): string[] {
    return Object.entries(this.#headers).flatMap(([name, { required, schema }]) => {
      const value = headers.get(name);
      if (!told[name]) return value === null ? [] : [`${name} is not documented`];
      if (value === null) return required ? [`${name} is not there`] : [];
      const isNumber = 'type' in schema && schema.type === 'integer';
      return this.#ajv.validate(schema, isNumber ? Number(value) : value) ? [] : [`${name} is ${value}`];
    });
  }

  #validator($ref: string): ValidateFunction {
    const validate = this.#validators.get($ref) ?? this.#ajv.compile({ $ref });
    this.#validators.set($ref, validate);
    return validate;
  }
}

/** Objects that may have no further fields: what is not documented is to be noticed. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]));
  const isOpen = copy.type === 'object' && 'properties' in copy && !('additionalProperties' in copy);
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

function escaped(token: string): string {
  return encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1'));
}
