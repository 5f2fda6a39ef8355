/** Answers tests: a JSON request on standard input, {what, …}, the JSON answer on standard output. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";

import * as ort from "../../examples/web/node_modules/onnxruntime-node/dist/index.js";

import { Bundle } from "../../examples/web/desire-edge/bundle.js";
import { DesireEdgeError } from "../../examples/web/desire-edge/errors.js";
import { InputSpec, readInput } from "../../examples/web/desire-edge/features.js";
import { fold, splitCamelCase, splitName, tokenize } from "../../examples/web/desire-edge/text.js";
import { fromHalf, toHalf } from "../../examples/web/desire-edge/half.js";
import { Lexicon } from "../../examples/web/desire-edge/lexicon.js";
import adaptTask from "./adapt_task.js";

const answers = {
  adapt: ({ bundle, ...request }) => adaptTask(Bundle, ort, (name) => readFileSync(`${bundle}/${name}`), request),
  text: ({ texts }) =>
    texts.map((text) => ({
      fold: fold(text),
      tokens: tokenize(text),
      name: splitName(text),
      camel: splitName(text).map(splitCamelCase),
    })),
  half: ({ values }) => values.map((value) => [toHalf(value), fromHalf(toHalf(value))]),
  lookUp: ({ lexicon, names }) => {
    const opened = new Lexicon(readFileSync(lexicon), lexicon);
    return names.map((name) => ({ ...opened.lookUp(name), vector: [...opened.lookUp(name).vector] }));
  },
  features: ({ input, files }) => {
    const spec = new InputSpec(input, "the input");
    return files.map((file) => {
      try {
        return { x: [...spec.featuresOf(readInput(basename(file), readFileSync(file)), basename(file)).x] };
      } catch (error) {
        if (!(error instanceof DesireEdgeError)) throw error;
        return { refused: error.message };
      }
    });
  },
  matrix: ({ lexicon, names }) => {
    const { entries, warnings } = new Lexicon(readFileSync(lexicon), lexicon).lookUpAll(names);
    return { vectors: entries.map(({ vector }) => [...vector]), warnings };
  },
};

const request = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await answers[request.what](request)));
