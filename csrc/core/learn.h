// What learning has in common, whatever the head.
#pragma once

#include "check.h"

namespace desire_edge {

using LearnInput = desire_edge_learn_input;
using Learned = desire_edge_learned;

struct LearnSizes {
  int64_t dimension, name_dimension;
  int64_t known_labels;  // B, 0 where the model does not use known labels
};

void check_input(const LearnSizes& sizes, const LearnInput& input);

// The outputs that every head has beside its own arrays.
void check_output(const LearnInput& input, const Learned& learned);

// What is left once the logits are there: which ways are used, and the thresholds.
void finish_learning(const LearnInput& input, const float* threshold_weights, Learned& learned);

}  // namespace desire_edge
