import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('pixlake/package.json') as { version: string };

/** Version of this package. */
export const VERSION = version;

/** How this software names itself in commits and manifests. */
export const SOFTWARE = `pixlake/${VERSION}`;
