/* What completes a model without the onnx package; as desire_edge/runtime/fragment.py and predictor.py do. */
#ifndef DESIRE_EDGE_APP_MODEL_FILE_H
#define DESIRE_EDGE_APP_MODEL_FILE_H

#include <cstdint>
#include <string>
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

/* A serialised ModelProto that holds these and nothing else. Serialised messages concatenate: appended to a
 * model that lacks its weights, it completes it. */
std::string model_fragment(const std::vector<Initializer>& initializers,
                           const std::vector<std::pair<std::string, std::string>>& metadata);

}  // namespace app

#endif
