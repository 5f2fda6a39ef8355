// What the inner loop keeps while it runs; inner_loop.cpp takes the steps, inner_head.cpp folds them into a
// head.
#pragma once

#include "inner_loop.h"

namespace desire_edge {

// What the steps change. Its arrays are of one of two rooms, so that the best state outlives the steps after
// it.
struct State {
  float* c;           // C, [S, h_row]: w1 has changed by z^T C, b1 by its column sums
  float* v;           // V^T, [N, h_row]
  float* a_change;    // c, [S, n_row]: w_i has changed by base^T of what times w_novel is c
  float* logits;      // [S, n_row]
  float* room;        // for `wide`; none in pairs form
  const float* wide;  // Q in panels, or W2~ [h + 1, d_row]; none in pairs form
  float gamma1, gamma2;
  double corner;  // Q[h, h] = ||b2||^2
  int64_t steps;
  float conditioning;  // the largest ||H W2|| / n
};

class InnerLoop {
 public:
  InnerLoop(const PackedModel& model, int64_t S, int64_t N, int64_t T, Form form, Arena& arena);

  InnerLoopResult run(const Labels& labels, const Support& support, bool keep_lowest, Head<float>& head,
                      float* losses, float* logits);

 private:
  void prepare(const Labels& labels, const Support& support);
  void evaluate(State& state, bool last);
  void transform_by_pairs(const State& state);
  void transform_by_gram(const State& state);
  void transform_by_weights(State& state);
  void measure(const State& state);
  void take_step(const Labels& labels, const float* eta, const State& from, State& to);
  void find_x(float eta);
  void step_pairs(const State& from);
  void step_gram(const State& from, State& to);
  void step_weights(float eta, const State& from, State& to);
  void write_head(const Labels& labels, const State& state, Head<float>& head);
  void write_q(const State& state, float* q);
  void check_head(const State& state, const Head<float>& head) const;

  // An [S, row] array as a right factor, and [S, columns] as a result.
  ConstGrid factor(const float* data, int64_t row) const { return {data, row, panel}; }
  Sum sum(const float* base, float* out, int64_t rows, int64_t row) const {
    return {{base, row, panel}, {out, row, panel}, rows, row, false, false};
  }
  void add(const Sum& sum, const Product& product) const { kernels.add_products(sum, &product, 1); }
  // Panels of an [h + 1, h + 1] matrix.
  Grid gram_grid(const float* data) const { return {const_cast<float*>(data), panel, (model.h + 1) * panel}; }

  const PackedModel& model;
  const Kernels& kernels;
  const int64_t S, N, panel;
  const Form form;
  const int64_t d_row, h_row, m_row, n_row, s_row;  // d, h + 1, width, N, S padded to panels

  // Fixed by the support set and the labels.
  float* z;        // [S, d_row]
  float* base;     // z r^T over its norm rho, [S, d_row], or the given scores, [S, m_row]
  float* p1;       // z w1 + b1~, [S, h_row]
  float* targets;  // [S, n_row]
  float* shares;   // the mask over its sum, [S, n_row]; 0 if that is 0
  float* a0;       // (z w_base / rho) w_i w_novel, [S, n_row]
  float* k1;       // z z^T + 1, [S, s_row]
  float* k_u;      // base base^T, [S, s_row]

  // Of the state at hand.
  float* h;      // H~, [S, h_row]
  float* f;      // T = H~ Q, [S, h_row]; in weights form F = H~ W2~, [S, d_row]
  float* y;      // H~ V, [S, n_row]
  float* unit;   // y / n
  float* a;      // A, [S, n_row]
  float* e;      // d loss / d logits, [S, n_row]
  float* norms;  // n, [S]
  float* cross;  // F . b2, [S]

  // Of the step.
  float* r;              // [S]
  float* left;           // [Delta, -D], [S, 2 n_row]
  float* right;          // [D, diag(r) Y], [S, 2 n_row]
  float* scaled;         // a multiple of E or Delta, [S, n_row]
  float* backward;       // B2 = dF W2~^T, [S, h_row]
  float* wide_backward;  // dF, [S, d_row], in weights form
  float* gram;           // dF dF^T, [S, s_row]
  float* f_gram;         // F F^T, [S, s_row]
  float* x;              // X, [S, h_row]; not in weights form

  // In pairs form [H~; X] and [X; H~] of every step: Q has changed by left_pairs^T right_pairs.
  float* left_pairs;   // [2 S T, h_row]
  float* right_pairs;  // [2 S T, h_row]
  float* by_pairs;     // H~ right_pairs^T, [S, 2 S T]
  float* m_change;     // [2, N, m_row]

  State states[2];
};

}  // namespace desire_edge
