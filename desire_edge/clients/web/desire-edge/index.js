/** Teach an ONNX model new labels, in the browser and in Node.js. */

export { Bundle } from "./bundle.js";
export { DesireEdgeError } from "./errors.js";
export { readInput } from "./inputs/files.js";
export { readSupport } from "./inputs/folder.js";
export { checkName } from "./inputs/names.js";
