// What the C ABI's handles hold.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "check.h"
#include "inner_loop.h"

namespace desire_edge {

// What desire_edge_learn needs of a model beside what is packed.
struct Rules {
  std::vector<float> step_sizes;  // [T, DESIRE_EDGE_STEP_COLUMNS]
  std::array<float, DESIRE_EDGE_THRESHOLD_WEIGHTS> threshold_weights;
  std::vector<float> w_base;  // [d, B], of a model that uses known labels
};

inline void check_labels(const PackedModel& model, int64_t count, const float* w_novel) {
  check_size(count, 1, "the number of labels");
  check_matrix(w_novel, model.d, count, "w_novel");
}

}  // namespace desire_edge

struct desire_edge_model {
  desire_edge::PackedModel packed;
  std::optional<desire_edge::Rules> rules;  // not there where it was made without threshold_weights
};

struct desire_edge_labels {
  desire_edge_labels(const desire_edge_model& model, int64_t count, const float* w_novel)
      : model(&model),
        block(desire_edge::labels_bytes(model.packed, count)),
        arena(block.data()),
        prepared(model.packed, count, w_novel, arena) {}

  const desire_edge_model* model;
  desire_edge::Block block;
  desire_edge::Arena arena;
  desire_edge::Labels prepared;
};
