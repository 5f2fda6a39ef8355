// The head `prior`: Eq. (1) as what is believed before examples, learned from them through a kernel.
#pragma once

#include <array>
#include <vector>

#include "learn.h"
#include "packed.h"

namespace desire_edge {

// How far names, base labels, examples and neighbours are trusted in a task, and the rest.
struct Trust {
  double names, base, examples, neighbours, temperature, bias_variance, bias, shift, balance;
};

// `known` is the sum of the mask.
Trust trust_in(const double* scalars, double known, int64_t labels);

// What kernels.solve_dual reads of targets and mask [S, N], transposed: targets and weights [N, row] and
// bias_variances [N]. `there` [S] is room.
template <class T>
void lay_out_targets(int64_t S, int64_t N, int64_t row, const T* targets, const T* mask, const Trust& trust,
                     double* target_rows, double* weights, double* bias_variances, double* there);

// How many steps of conjugate gradients follow each bound of the loss.
int dual_steps(int64_t examples);
constexpr int kOuterSteps = 6;

class PriorModel {
 public:
  PriorModel(const desire_edge_prior_sizes& sizes, const desire_edge_prior_f32& arrays,
             const Kernels& kernels);

  const Kernels& kernels;
  const int64_t d, name_dimension, k;
  const bool uses_known_labels, has_name_map;
  std::array<double, DESIRE_EDGE_PRIOR_SCALARS> scalars;
  std::array<float, DESIRE_EDGE_THRESHOLD_WEIGHTS> threshold_weights;
  const std::vector<float> name_mean;

 private:
  void lay_out(Arena& arena);
  size_t bytes_needed();
  Block block_;

 public:
  Packed name_map;   // name_map^T, [d_w, d]; not there where it is the identity
  Packed inference;  // inference^T, [d_w, k]
  Packed r;          // [d, k]
};

void learn(const PriorModel& model, const LearnInput& input, Learned& learned);

}  // namespace desire_edge
