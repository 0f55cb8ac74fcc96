/** The release of this package, as it is reported. */
import manifest from '../package.json' with { type: 'json' };

export const SOFTWARE_VERSION: string = manifest.version;
