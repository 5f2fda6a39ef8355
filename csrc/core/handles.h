// What the C ABI's handles hold.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "check.h"
#include "inner_loop.h"
#include "prior.h"

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

// A model with the head of Eq. (1).
struct PaperModel {
  PaperModel(const Sizes& sizes, const Model<float>& arrays, const Kernels& kernels,
             std::optional<Rules> rules)
      : packed(sizes, arrays, kernels), rules(std::move(rules)) {}

  PackedModel packed;
  std::optional<Rules> rules;  // not there where it was made without threshold_weights
};

}  // namespace desire_edge

// One of the two.
struct desire_edge_model {
  std::unique_ptr<const desire_edge::PaperModel> paper;
  std::unique_ptr<const desire_edge::PriorModel> prior;

  // For what only the one head has.
  const desire_edge::PackedModel& packed() const {
    if (paper == nullptr)
      desire_edge::refuse("model has the head prior, which desire_edge_learn alone takes");
    return paper->packed;
  }
};

struct desire_edge_labels {
  desire_edge_labels(const desire_edge_model& model, int64_t count, const float* w_novel)
      : model(&model),
        block(desire_edge::labels_bytes(model.packed(), count)),
        arena(block.data()),
        prepared(model.packed(), count, w_novel, arena) {}

  const desire_edge_model* model;
  desire_edge::Block block;
  desire_edge::Arena arena;
  desire_edge::Labels prepared;
};
