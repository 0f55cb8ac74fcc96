/** Which versions of the operator sets a model asks for, and whether the runtime has them. */
import { RUNTIME } from './known-operators.ts';
import { DEFAULT_DOMAIN, type OpsetImport } from './model.ts';
import { quote, refuse } from './refuse.ts';

const MAX_DOMAINS = 100;
const MAX_DOMAIN_LENGTH = 256;

/** Domain → version; the default domain is `ai.onnx`. */
export type Opsets = ReadonlyMap<string, number>;

/**
 * Domains the runtime does not know are let pass here: exporters list more than they use.
 * @throws LeptonError `model_invalid` when a version is outside what the runtime has, naming `whose` import it is
 */
export function opsetsOf(imports: readonly OpsetImport[], whose: string): Opsets {
  if (imports.length > MAX_DOMAINS) refuse(`${whose} imports ${imports.length} operator sets, expected one or few`);
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    if (domain.length > MAX_DOMAIN_LENGTH)
      refuse(`${whose} imports the operator set ${quote(domain)}, whose name is too long`);
    const other = opsets.get(domain);
    if (other !== undefined && other !== version) {
      refuse(`${whose} imports the operator set ${quote(domain)} in versions ${other} and ${version}, expected one`);
    }
    checkVersion(domain, version, whose);
    opsets.set(domain, version);
  }
  return opsets;
}

function checkVersion(domain: string, version: number, whose: string): void {
  const range = RUNTIME.opsets.get(domain);
  if (!range) {
    if (!Number.isSafeInteger(version))
      refuse(`${whose} imports version ${version} of the operator set ${quote(domain)}`);
    return;
  }
  const [min, max] = range;
  if (version > max) {
    refuse(
      `${whose} was exported with opset ${version} of ${domain}, ONNX Runtime ${RUNTIME.version} supports at most ${max}: ` +
        `export it again with ${domain === DEFAULT_DOMAIN ? `opset_version=${max}` : `${domain} version ${max}`}`,
    );
  }
  if (version < min) {
    refuse(
      `${whose} imports opset ${version} of ${domain}, expected ${min} to ${max}: export it again with a newer opset`,
    );
  }
}
