// Eq. (1) and the folded head in float, for a batch of examples: the large products through the kernels,
// their right factors packed for the one call.
#include <algorithm>
#include <cmath>

#include "head.h"
#include "layers.h"
#include "packed.h"
#include "projection.h"

namespace desire_edge {
namespace {

// S rows of `columns` numbers, padded with zeros.
struct RowBatch {
  float* data;
  int64_t columns;
  int64_t row;
};

// The steps of a prediction for S examples. With an arena that only counts they take memory and do nothing
// else.
class Batch {
 public:
  Batch(const Kernels& kernels, int64_t S, Arena& arena) : kernels_(kernels), S_(S), arena_(arena) {}

  RowBatch read(const float* data, int64_t columns) {
    const RowBatch result = take(columns);
    if (!arena_.counts_only()) copy_padded(data, S_, columns, result.data, result.row);
    return result;
  }

  // a times the matrix [a.columns, columns], plus bias [columns] unless NULL; negative sums become 0 where
  // rectified.
  RowBatch times(const RowBatch& a, const Source& matrix, int64_t columns, const float* bias = nullptr,
                 bool rectified = false) {
    const RowBatch result = take(columns);
    Packed packed = take_packed(arena_, kernels_.panel, a.columns, columns);
    float* base = arena_.take<float>(result.row);
    if (arena_.counts_only()) return result;
    pack(matrix, columns, packed);
    if (bias != nullptr) copy_padded(bias, 1, columns, base, result.row);
    const Product product = packed.product(a.data, a.row);
    kernels_.add_products({{bias == nullptr ? nullptr : base, 0, kernels_.panel},
                           {result.data, result.row, kernels_.panel},
                           S_,
                           result.row,
                           false,
                           rectified},
                          &product, 1);
    return result;
  }

  // [a, 1]
  RowBatch with_one(const RowBatch& a) {
    const RowBatch result = take(a.columns + 1);
    if (arena_.counts_only()) return result;
    for (int64_t i = 0; i < S_; ++i) {
      float* row = result.data + i * result.row;
      std::copy_n(a.data + i * a.row, a.columns, row);
      row[a.columns] = 1;
      std::fill(row + result.columns, row + result.row, 0.0F);
    }
    return result;
  }

  // sqrt(a . b + epsilon^2) by row, [S]: with b = a the norms.
  float* norms(const RowBatch& a, const RowBatch& b) {
    auto* result = arena_.take<float>(S_);
    if (arena_.counts_only()) return result;
    kernels_.row_dots(a.data, b.data, S_, a.row, result);
    // Rounding can leave a . b a little below 0.
    for (int64_t i = 0; i < S_; ++i) result[i] = static_cast<float>(smooth_norm(std::max(result[i], 0.0F)));
    return result;
  }

  // scale1 a / norms1 + scale2 b / norms2 by row; norms NULL for 1.
  RowBatch mix(float scale1, const RowBatch& a, const float* norms1, float scale2, const RowBatch& b,
               const float* norms2) {
    const RowBatch result = take(a.columns);
    if (arena_.counts_only()) return result;
    for (int64_t i = 0; i < S_; ++i) {
      const float factor1 = norms1 == nullptr ? scale1 : scale1 / norms1[i];
      const float factor2 = norms2 == nullptr ? scale2 : scale2 / norms2[i];
      for (int64_t j = i * a.row; j < (i + 1) * a.row; ++j) {
        result.data[j] = factor1 * a.data[j] + factor2 * b.data[j];
      }
    }
    return result;
  }

 private:
  RowBatch take(int64_t columns) {
    const int64_t row = padded(columns, kernels_.panel);
    return {arena_.take<float>(S_ * row), columns, row};
  }

  const Kernels& kernels_;
  int64_t S_;
  Arena& arena_;
};

Source row_major(const float* data, int64_t columns) { return {data, columns, 1}; }

RowBatch projected(const Sizes& sizes, const Model<float>& model, const float* w_novel, const float* z_data,
                   Batch& batch) {
  const auto [S, N, d, h, B, T_unused] = sizes;
  const RowBatch z = batch.read(z_data, d);
  const RowBatch hidden = batch.times(z, row_major(model.w1, h), h, model.b1, true);
  const RowBatch transformed = batch.times(hidden, row_major(model.w2, d), d, model.b2);
  const RowBatch base = batch.times(z, row_major(model.w_base, B), B);
  const RowBatch inferred = batch.times(base, row_major(model.w_i, d), d);
  const RowBatch semantic = batch.mix(model.gamma1, transformed, batch.norms(transformed, transformed),
                                      model.gamma2, inferred, batch.norms(base, base));
  return batch.times(semantic, row_major(w_novel, N), N);
}

RowBatch logits_of_head(const Sizes& sizes, const Head<float>& head, const float* r, const float* scores,
                        const float* z_data, Batch& batch) {
  const int64_t N = sizes.labels, d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
  const RowBatch z = batch.read(z_data, d);
  const RowBatch hidden = batch.with_one(batch.times(z, row_major(head.w1, h), h, head.b1, true));
  const float* norms = batch.norms(batch.times(hidden, row_major(head.q, h + 1), h + 1), hidden);
  const RowBatch y = batch.times(hidden, row_major(head.v, N), N);
  const RowBatch a = batch.times(r == nullptr ? batch.read(scores, B) : z, row_major(head.m, N), N);
  const float* base_norms = nullptr;
  if (r != nullptr) {
    const RowBatch base = batch.times(z, {r, 1, d}, d);  // z r^T
    base_norms = batch.norms(base, base);
  }
  return batch.mix(head.gamma1, y, norms, head.gamma2, a, base_norms);
}

// What predict(batch) computes, [S, columns]: called once to count the memory that it takes, once with that.
template <class Predict>
Matrix<float> run(int64_t S, Predict predict) {
  const Kernels& kernels = chosen_kernels();
  Arena counting;
  Batch counted(kernels, S, counting);
  predict(counted);
  const Block block(counting.bytes());
  Arena arena(block.data());
  Batch batch(kernels, S, arena);
  const RowBatch rows = predict(batch);
  Matrix<float> result(S, rows.columns);
  for (int64_t i = 0; i < S; ++i) std::copy_n(rows.data + i * rows.row, rows.columns, result.row(i));
  return result;
}

}  // namespace

template <>
Matrix<float> project(const Sizes& sizes, const Model<float>& model, const float* w_novel, const float* z) {
  return run(sizes.examples, [&](Batch& batch) { return projected(sizes, model, w_novel, z, batch); });
}

template <>
Matrix<float> head_logits(const Sizes& sizes, const Head<float>& head, const float* r, const float* scores,
                          const float* z) {
  return run(sizes.examples, [&](Batch& batch) { return logits_of_head(sizes, head, r, scores, z, batch); });
}

}  // namespace desire_edge
