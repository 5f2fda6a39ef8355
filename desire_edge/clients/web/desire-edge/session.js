/** ONNX Runtime as this project uses it: named inputs, float32 of fixed shape and any number of rows but for ragged x. */

import { DesireEdgeError } from "./errors.js";

const AT_ONCE = 256; // rows of one run, where a model takes any number

/** Open a model's bytes with `ort`, onnxruntime-web or onnxruntime-node. */
export async function openSession(ort, bytes, where, graphOptimizationLevel) {
  try {
    // It warns of every input that has a default, which is what a base is made of.
    return await ort.InferenceSession.create(bytes, { graphOptimizationLevel, logSeverityLevel: 3 });
  } catch (error) {
    throw new DesireEdgeError(
      `${where} is not a model that this ONNX Runtime can run: ${error.message ?? error}`,
      "onnx",
    );
  }
}

/**
 * The rows of one run: `batch`, as the manifest says, or null where the session takes any number. An older ONNX Runtime
 * does not say that it does, and is given `batch` of them.
 */
export function batchOf(session, batch) {
  return typeof session.inputMetadata?.[0]?.shape?.[0] === "string" ? null : batch;
}

/** Run once: {name: {shape, data, type}}, by default float32 -> {name: data} of all outputs, or of those `wanted`. */
export async function runOnce(ort, session, inputs, where, wanted) {
  const feeds = Object.entries(inputs).map(([name, { shape, data, type = "float32" }]) => [
    name,
    new ort.Tensor(type, data, shape),
  ]);
  let results;
  try {
    results = await session.run(Object.fromEntries(feeds), ...(wanted ? [wanted] : []));
  } catch (error) {
    throw new DesireEdgeError(`ONNX Runtime could not run ${where}: ${error.message ?? error}`, "onnx");
  }
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data]));
}

/**
 * Run on n rows: {name: {columns, data, type}} of rows, by default float32, and `fixed` inputs {name: {shape, data}} -> the
 * output `wanted`, n rows of `columns`. Where the session takes `batch` rows, so many at a time, the last filled up with
 * zero rows; where that is null, any number.
 */
export async function runRows(ort, session, { rows, fixed = {}, count, batch, wanted, columns }, where) {
  const out = new Float32Array(count * columns);
  const most = batch ?? AT_ONCE;
  for (let start = 0; start < count; start += most) {
    const taken = Math.min(most, count - start);
    const size = batch ?? taken;
    const filled = Object.entries(rows).map(([name, { columns: width, data, type }]) => {
      const part = new data.constructor(size * width);
      part.set(data.subarray(start * width, (start + taken) * width));
      return [name, { shape: [size, width], data: part, type }];
    });
    const found = (await runOnce(ort, session, { ...Object.fromEntries(filled), ...fixed }, where, [wanted]))[wanted];
    if (found?.length !== size * columns) {
      throw new DesireEdgeError(
        `${where} gives no ${wanted} of ${columns} numbers a row; export the bundle again`,
        "onnx",
      );
    }
    out.set(found.subarray(0, taken * columns), start * columns);
  }
  return out;
}
