import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadSharp } from './configured-sharp.ts';
import { escapeXml } from './svg-text.ts';

/** The family of the bundled font, for `font-family` in SVG. */
export const FONT_FAMILY = 'DejaVu Sans';

let loading: Promise<void> | undefined;

/**
 * Makes SVG text use only the bundled font, so it looks the same on every machine, also without installed fonts.
 * Await it in the main thread before any text is drawn: fontconfig is set up once per process, and worker threads have their own
 * environment.
 */
export function ensureFonts(): Promise<void> {
  loading ??= loadFonts();
  return loading;
}

async function loadFonts(): Promise<void> {
  const fontFolder = join(
    dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')),
    'ttf',
  );
  const scratchFolder = await mkdtemp(join(tmpdir(), 'pixlake-fonts-'));
  const previous = process.env['FONTCONFIG_FILE'];
  try {
    const configFile = join(scratchFolder, 'fonts.conf');
    await writeFile(configFile, fontConfig(fontFolder, join(scratchFolder, 'cache')));
    process.env['FONTCONFIG_FILE'] = configFile;
    // Drawing any text makes fontconfig read its configuration, which is not needed afterwards.
    await loadSharp()(
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>a</text></svg>'),
    ).toBuffer();
  } finally {
    if (previous === undefined) delete process.env['FONTCONFIG_FILE'];
    else process.env['FONTCONFIG_FILE'] = previous;
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** A configuration with this one folder. `rescan` 0 keeps fontconfig from searching the file again. */
function fontConfig(fontFolder: string, cacheFolder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${escapeXml(fontFolder)}</dir>
  <cachedir>${escapeXml(cacheFolder)}</cachedir>
  <config><rescan><int>0</int></rescan></config>
</fontconfig>
`;
}
