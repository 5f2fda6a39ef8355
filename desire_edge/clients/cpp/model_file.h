/* ONNX files without the onnx package; as desire_edge/runtime/model_file.py, wire.py and predictor.py. */
#ifndef DESIRE_EDGE_APP_MODEL_FILE_H
#define DESIRE_EDGE_APP_MODEL_FILE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "input.h"

namespace app {

/* Weights in an ONNX graph. */
struct Initializer {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/* The metadata of an adapted model: label names, thresholds, how raw input becomes x, the bundle's name; and,
 * for a model that uses them, the base labels that can be told to it. */
std::vector<std::pair<std::string, std::string>> model_metadata(const std::vector<std::string>& labels,
                                                                const std::vector<double>& thresholds,
                                                                const InputSpec& input,
                                                                const std::string& bundle,
                                                                const std::vector<std::string>& known_labels);

/* A file that a model is made of: what errors call it, and its bytes. */
struct ModelPart {
  std::string name;
  std::string_view bytes;
};

/* The model that a bundle's base is with a user's part for good: one ModelProto of one graph, of the output
 * `probabilities` alone, with these weights in place of defaults. */
std::string standalone_model(const ModelPart& base, const std::vector<Initializer>& weights,
                             const std::vector<std::pair<std::string, std::string>>& metadata);

/* The model that a bundle's files before schema 7 make with these weights and metadata. The first part, the
 * extractor, is taken but for its graph's name and output; of the fragments that follow, their graphs. */
std::string complete_model(const std::vector<ModelPart>& parts, const std::vector<Initializer>& initializers,
                           const std::vector<std::pair<std::string, std::string>>& metadata);

}  // namespace app

#endif
