/** Teach an ONNX model new labels, in the browser and in Node.js. */

export { Bundle } from "./bundle.js";
export { DesireEdgeError } from "./errors.js";
export { readInput } from "./features.js";
export { checkName, readSupport } from "./support.js";
