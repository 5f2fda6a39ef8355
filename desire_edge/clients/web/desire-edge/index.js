/** Teach an ONNX model new labels, in the browser and in Node.js. */

export { Bundle } from "./bundle.js";
export { DesireEdgeError } from "./errors.js";
export { readInput, readInputFile } from "./inputs/files.js";
export { METADATA } from "./inputs/folder.js";
export { clean, tidy } from "./inputs/names.js";
export { readSupport } from "./support.js";
