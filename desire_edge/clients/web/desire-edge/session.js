/** ONNX Runtime as this project uses it: named inputs, float32 of fixed shape and any number of rows but for ragged x. */

import { DesireEdgeError } from "./errors.js";

/** Open a model's bytes with `ort`, onnxruntime-web or onnxruntime-node. */
export async function openSession(ort, bytes, where, graphOptimizationLevel) {
  try {
    return await ort.InferenceSession.create(bytes, { graphOptimizationLevel });
  } catch (error) {
    throw new DesireEdgeError(
      `${where} is not a model that this ONNX Runtime can run: ${error.message ?? error}`,
      "onnx",
    );
  }
}

/** Run once: {name: {shape, data, type}}, by default float32 -> {name: data}. */
export async function runOnce(ort, session, inputs, where) {
  const feeds = Object.entries(inputs).map(([name, { shape, data, type = "float32" }]) => [
    name,
    new ort.Tensor(type, data, shape),
  ]);
  let results;
  try {
    results = await session.run(Object.fromEntries(feeds));
  } catch (error) {
    throw new DesireEdgeError(`ONNX Runtime could not run ${where}: ${error.message ?? error}`, "onnx");
  }
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data]));
}

/**
 * Run on n rows, `batch` at a time, the last filled up with zero rows: {name: {columns, data}} of rows, and `fixed` inputs
 * {name: {shape, data}} -> the output `wanted`, n rows of `columns`.
 */
export async function runRows(ort, session, { rows, fixed = {}, count, batch, wanted, columns }, where) {
  const out = new Float32Array(count * columns);
  for (let start = 0; start < count; start += batch) {
    const taken = Math.min(batch, count - start);
    const filled = Object.entries(rows).map(([name, { columns: width, data }]) => {
      const part = new Float32Array(batch * width);
      part.set(data.subarray(start * width, (start + taken) * width));
      return [name, { shape: [batch, width], data: part }];
    });
    const found = (await runOnce(ort, session, { ...Object.fromEntries(filled), ...fixed }, where))[wanted];
    if (found?.length !== batch * columns) {
      throw new DesireEdgeError(
        `${where} gives no ${wanted} of ${columns} numbers a row; export the bundle again`,
        "onnx",
      );
    }
    out.set(found.subarray(0, taken * columns), start * columns);
  }
  return out;
}
