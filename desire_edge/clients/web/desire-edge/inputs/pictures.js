/**
 * Pictures: PNG and JPEG to RGB, turned as their EXIF says, what shines through laid on white. In a browser it decodes
 * them, in Node.js the package sharp. desire_edge/inputs/images.py.
 */

import { DesireEdgeError } from "../errors.js";

const MAX_PIXELS = 50_000_000; // a picture comes from anyone: a small file may unpack to a huge one
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
const IHDR = 8 + 8; // where a PNG says how large it is
const [START_OF_SCAN, END_OF_IMAGE] = [0xda, 0xd9];
const NO_FRAMES = [0xc4, 0xc8, 0xcc]; // of the markers C0 to CF, those that begin no frame

/** RGB of a picture: `data` is a Uint8Array [height, width, 3], row by row from the top. */
export class Picture {
  constructor(width, height, data) {
    Object.assign(this, { width, height, data });
  }

  /** Of `channels` bytes a pixel: grey, grey and alpha, RGB, or RGBA. */
  static of({ width, height, data }, channels) {
    const rgb = new Uint8Array(3 * width * height);
    const [coloured, clear] = [channels >= 3, channels % 2 === 0];
    for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
      const alpha = clear ? data[from + channels - 1] : 255;
      for (let i = 0; i < 3; i++) {
        rgb[to + i] = Math.floor((data[from + (coloured ? i : 0)] * alpha + 255 * (255 - alpha) + 127) / 255);
      }
    }
    return new Picture(width, height, rgb);
  }
}

/** The bytes of a whole PNG or JPEG file as a Blob: pixels take much more room. `where` names the file in errors. */
export function readPicture(bytes, where) {
  const [type, sizeOf] = begins(bytes, PNG)
    ? ["image/png", sizeOfPng]
    : begins(bytes, JPEG)
      ? ["image/jpeg", sizeOfJpeg]
      : refuse(where, "it does not begin like one");
  const [width, height] = sizeOf(bytes) ?? refuse(where, "it is cut short");
  checkSize(width, height, where);
  return new Blob([bytes], { type });
}

/** The Picture in a PNG or JPEG file, a Blob; `where` names it in errors. */
export async function decodePicture(blob, where) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const checked = readPicture(bytes, where);
  try {
    return await (typeof createImageBitmap === "function" ? inBrowser(checked) : inNode(bytes));
  } catch (error) {
    if (error instanceof DesireEdgeError) throw error;
    return refuse(where, String(error.message ?? error).split("\n")[0]);
  }
}

function refuse(where, why) {
  throw new DesireEdgeError(`${where} is not a whole PNG or JPEG picture: ${why}`, "image");
}

/** Refuse a picture of too many pixels. */
export function checkSize(width, height, where) {
  if (width * height > MAX_PIXELS) {
    throw new DesireEdgeError(
      `${where} is a picture of ${width} × ${height} pixels; at most ${MAX_PIXELS / 1e6} megapixels are read`,
      "image-large",
    );
  }
}

function begins(bytes, magic) {
  return magic.every((byte, at) => bytes[at] === byte);
}

/** [width, height] of a whole PNG, null where it is cut short. */
function sizeOfPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < IHDR + 8) return null;
  for (let at = PNG.length; at + 12 <= bytes.length;) {
    const [length, name] = [view.getUint32(at), String.fromCharCode(...bytes.subarray(at + 4, at + 8))];
    at += 12 + length;
    if (name === "IEND" && at <= bytes.length) return [view.getUint32(IHDR), view.getUint32(IHDR + 4)];
  }
  return null;
}

/** [width, height] of a whole JPEG, null where it is cut short. */
function sizeOfJpeg(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size = null;
  for (let at = 2; at + 9 <= bytes.length;) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) return null;
    if (marker === 0xff) {
      at += 1; // a byte that only fills
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.includes(marker)) {
      size = [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
    if (marker === START_OF_SCAN) return ends(bytes, at) ? size : null;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Whether a JPEG's end comes after the scan that begins at `at`. */
function ends(bytes, at) {
  for (let found = bytes.indexOf(0xff, at + 2); found >= 0; found = bytes.indexOf(0xff, found + 1)) {
    if (bytes[found + 1] === END_OF_IMAGE) return true;
  }
  return false;
}

/** The decoder multiplies colours by alpha; laid on white they then are what `Picture.of` says, to the bit. */
async function inBrowser(blob) {
  const bitmap = await createImageBitmap(blob, {
    imageOrientation: "from-image",
    colorSpaceConversion: "none",
  });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return Picture.of(context.getImageData(0, 0, width, height), 4);
}

async function inNode(bytes) {
  const sharp = await sharpPackage();
  const open = () =>
    sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "truncated", ignoreIcc: true, autoOrient: true });
  const inks = (await open().metadata()).space === "cmyk";
  const pipeline = inks ? open().pipelineColourspace("cmyk").toColourspace("cmyk") : open();
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (!inks) return Picture.of({ ...info, data }, info.channels);
  return Picture.of({ ...info, data: fromInks(data) }, 3);
}

/** Cyan, magenta, yellow and black as colours, in the arithmetic of Pillow. */
function fromInks(inks) {
  const rgb = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const paper = 255 - inks[from + 3];
    for (let i = 0; i < 3; i++) rgb[to + i] = paper - Math.round((inks[from + i] * paper) / 255);
  }
  return rgb;
}

async function sharpPackage() {
  const name = "sharp"; // in a variable, so that no bundler looks for it
  try {
    return (await import(name)).default;
  } catch {
    throw new DesireEdgeError("pictures are read by the package sharp, which is not installed; `npm install sharp`");
  }
}
