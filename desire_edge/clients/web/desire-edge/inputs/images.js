/** Pictures of any size, which the extractor resizes, crops and normalises itself: desire_edge/inputs/images.py. */

import { DesireEdgeError } from "../errors.js";
import { Picture, checkSize, decodePicture } from "./pictures.js";

/** RGB of 8 bits a colour, x [height, width, 3]: one picture is one run. */
export class ImageInput {
  kind = "image";
  ragged = true;
  assets = [];

  /** Whether `value` is the JSON of such an input. */
  static describes({ channels }) {
    return channels === 3;
  }

  toJSON() {
    return { kind: this.kind, channels: 3 };
  }

  /**
   * {x: {type, shape, data}, words: [], unknown: []} of one example: a Blob of a PNG or JPEG file, or pixels, {width,
   * height, data} with RGB or RGBA of 8 bits, such as ImageData.
   */
  async featuresOf(raw, where) {
    const { width, height, data } = raw instanceof Blob ? await decodePicture(raw, where) : pixelsOf(raw, where);
    return { x: { type: "uint8", shape: [height, width, 3], data }, words: [], unknown: [] };
  }
}

function pixelsOf(raw, where) {
  const { width, height, data } = raw ?? {};
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new DesireEdgeError(
      `${where} is no picture, but this model takes pictures; give it a .png or .jpg file`,
      "input-kind",
    );
  }
  const sizes = [width, height].every((size) => Number.isSafeInteger(size) && size > 0);
  const channels = data.length / (width * height);
  if (!sizes || (channels !== 3 && channels !== 4)) {
    throw new DesireEdgeError(
      `${where} has not the RGB or RGBA of ${width} × ${height} pixels, so it is no picture`,
      "input-shape",
    );
  }
  checkSize(width, height, where);
  return Picture.of({ width, height, data }, channels);
}
