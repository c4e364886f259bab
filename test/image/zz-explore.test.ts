import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { it } from 'vitest';
import { probeImage } from '../../src/image/probe-image.ts';
import { applyTransform } from '../../src/image/apply-transform.ts';
const T = {crop:0,size:16,fit:'contain',background:'#ffffff',flip:0,rotate:0,brightness:0,blur:0,format:'png',quality:90} as const;
it('x', async () => {
  const base = sharp({create:{width:40,height:30,channels:3,background:'#c83232'}});
  const jpg = await base.clone().jpeg().toBuffer();
  const png = await base.clone().png().toBuffer();
  const cases: Record<string, Uint8Array> = {
    jpg, png,
    webp: await base.clone().webp().toBuffer(),
    avif: await base.clone().avif().toBuffer(),
    tiff: await base.clone().tiff().toBuffer(),
    svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="red"/></svg>'),
    gif: await sharp(Buffer.alloc(10*30*3, 120), {raw:{width:10,height:30,channels:3,pageHeight:10}}).gif().toBuffer(),
    one: await sharp({create:{width:1,height:1,channels:3,background:'red'}}).png().toBuffer(),
    png16: await sharp({create:{width:5,height:4,channels:3,background:'red'}}).toColourspace('rgb16').png().toBuffer(),
    cmyk: await base.clone().toColourspace('cmyk').jpeg().toBuffer(),
    gray: await base.clone().grayscale().jpeg().toBuffer(),
    gray16: await base.clone().toColourspace('grey16').png().toBuffer(),
    alpha: await sharp({create:{width:5,height:4,channels:4,background:{r:255,g:0,b:0,alpha:0}}}).png().toBuffer(),
    grayalpha: await sharp({create:{width:5,height:4,channels:4,background:{r:255,g:255,b:255,alpha:0.5}}}).toColourspace('b-w').png().toBuffer(),
    palette: await base.clone().png({palette:true}).toBuffer(),
    exif6: await base.clone().withMetadata({orientation:6}).jpeg().toBuffer(),
    p3: await base.clone().withIccProfile('p3').jpeg().toBuffer(),
    empty: new Uint8Array(),
    cutjpg: jpg.subarray(0, jpg.length - 30),
    cutjpg2: jpg.subarray(0, 10),
    cutpng: png.subarray(0, png.length - 20),
    cutpng10: png.subarray(0, 30),
    pngHeadOnly: png.subarray(0, 8),
    cutwebp: (await base.clone().webp().toBuffer()).subarray(0,40),
    cutwebp20: (await base.clone().webp().toBuffer()).subarray(0,20),
    text: Buffer.from('<html>404 not found</html>'),
    html: Buffer.from('<!DOCTYPE html><html><body>png not found</body></html>'),
    one1: Buffer.from('x'),
    pdf: Buffer.from('%PDF-1.4\n%%EOF'),
    zeros: Buffer.alloc(1000),
    svgBroken: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect'),
    svgBig: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40000" height="30000"/>'),
    bomb: bomb(30000,30000), bombOne: bomb(1, 2**31-1), bomb0: bomb(0,0), wide: bomb(100000, 1),
    gifbomb: gifHeader(65535,65535), jpgtrail: Buffer.concat([jpg, Buffer.from('trailing')]),
  };
  for (const [n, b] of Object.entries(cases)) {
    const f = await probeImage(b);
    let px: string;
    try { const r = await applyTransform(b, T, {cropLeft:0,cropTop:0,cropWidth:f.width??1,cropHeight:f.height??1,isFlipped:false,rotation:0,brightness:1,blur:0}); px = `${r.width}x${r.height} ${r.bytes.length} ${[...r.bytes.subarray((16*8+8)*3,(16*8+8)*3+3)]}`; } catch (e) { px = String((e as any).code)+' '+String(e).slice(0,100); }
    console.log(n.padEnd(9), JSON.stringify(f), '|', px);
  }
});
function chunk(t: string, d: Buffer) { const l = Buffer.alloc(4); l.writeUInt32BE(d.length); const td = Buffer.concat([Buffer.from(t), d]); const c = Buffer.alloc(4); c.writeUInt32BE((crc32 as any)(td)); return Buffer.concat([l, td, c]); }
function bomb(w: number, h: number) { const d = Buffer.alloc(13); d.writeUInt32BE(w,0); d.writeUInt32BE(h,4); d[8]=8; d[9]=2; return Buffer.concat([Buffer.from([0x89,0x50,0x4e,0x47,13,10,26,10]), chunk('IHDR', d), chunk('IDAT', deflateSync(Buffer.alloc(1000))), chunk('IEND', Buffer.alloc(0))]); }
function gifHeader(w:number,h:number){ const b=Buffer.alloc(13); b.write('GIF89a'); b.writeUInt16LE(w,6); b.writeUInt16LE(h,8); return Buffer.concat([b, Buffer.from([0x3b])]); }
