#include "packed.h"

#include <algorithm>

#include "finite.h"

namespace desire_edge {

Packed take_packed(Arena& arena, int64_t panel, int64_t rows, int64_t columns) {
  const int64_t panels = padded(columns, panel) / panel;
  float* data = arena.take<float>(panels * rows * panel);
  return {data, arena.take<int32_t>(2 * panels), rows, columns, panel};
}

void pack(const Source& source, int64_t columns, Packed& packed) {
  float* target = packed.data;
  for (int64_t panel = 0; panel < packed.panels(); ++panel) {
    const int64_t first = panel * packed.panel;
    const int64_t count = std::max<int64_t>(0, std::min(packed.panel, columns - first));
    int64_t begin = packed.rows, end = 0;
    for (int64_t k = 0; k < packed.rows; ++k, target += packed.panel) {
      const float* from = source.data + k * source.row + first * source.column;
      for (int64_t j = 0; j < count; ++j) target[j] = from[j * source.column];
      std::fill(target + count, target + packed.panel, 0.0F);
      if (std::all_of(target, target + count, [](float value) { return value == 0; })) continue;
      begin = std::min(begin, k);
      end = k + 1;
    }
    packed.bounds[2 * panel] = static_cast<int32_t>(std::min(begin, end));
    packed.bounds[2 * panel + 1] = static_cast<int32_t>(end);
  }
}

std::vector<double> unpacked(const Packed& packed, int64_t columns, bool transposed) {
  std::vector<double> result(static_cast<size_t>(packed.rows * columns));
  for (int64_t k = 0; k < packed.rows; ++k) {
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = (j / packed.panel * packed.rows + k) * packed.panel + j % packed.panel;
      result[static_cast<size_t>(transposed ? j * packed.rows + k : k * columns + j)] = packed.data[at];
    }
  }
  return result;
}

void copy_padded(const float* source, int64_t rows, int64_t columns, float* target, int64_t target_row) {
  for (int64_t i = 0; i < rows; ++i, target += target_row) {
    std::copy_n(source + i * columns, columns, target);
    std::fill(target + columns, target + target_row, 0.0F);
  }
}

void copy_transposed(const float* source, int64_t source_row, int64_t rows, int64_t columns, float* target,
                     int64_t target_row) {
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) target[j * target_row + i] = source[i * source_row + j];
  }
}

PackedModel::PackedModel(const Sizes& sizes, const Model<float>& model, const Kernels& chosen)
    : kernels(chosen),
      d(sizes.dimension),
      h(sizes.hidden),
      takes_scores(model.p == nullptr),
      width(takes_scores ? sizes.base_labels : d),
      d_row(padded(d, chosen.panel)),
      h_row(padded(h + 1, chosen.panel)),
      m_row(padded(width, chosen.panel)),
      gamma1(model.gamma1),
      gamma2(model.gamma2),
      block_(bytes_needed()) {
  Arena arena(block_.data());
  lay_out(arena);
  copy_padded(model.w2, h, d, w2, d_row);
  copy_padded(model.b2, 1, d, w2 + h * d_row, d_row);
  copy_padded(model.b1, 1, h, b1_tilde, h_row);
  b1_tilde[h] = 1;
  pack({model.w1, h, 1}, h, w1);
  if (!takes_scores) {
    pack({model.r, d, 1}, d, r);
    pack({model.r, 1, d}, d, r_columns);
  }
  pack({takes_scores ? model.w_i : model.p, 1, d}, width, m_columns);
  pack({w2, 1, d_row}, h + 1, w2_columns);
  pack({model.q0, h + 1, 1}, h + 1, q0);
  for (int64_t i = 0; i < q0.panels(); ++i) {
    above_diagonal[2 * i] = 0;
    above_diagonal[2 * i + 1] = diagonal[2 * i] = static_cast<int32_t>(i * q0.panel);
    diagonal[2 * i + 1] = static_cast<int32_t>(std::min((i + 1) * q0.panel, h + 1));
  }
  largest_w1 = std::max(largest_magnitude(model.w1, d * h), largest_magnitude(model.b1, h));
  largest_q0 = largest_magnitude(model.q0, (h + 1) * (h + 1));
}

size_t PackedModel::bytes_needed() {
  Arena counting;
  lay_out(counting);
  return counting.bytes();
}

void PackedModel::lay_out(Arena& arena) {
  const int64_t panel = kernels.panel;
  w1 = take_packed(arena, panel, d, h + 1);
  b1_tilde = arena.take<float>(h_row);
  r = take_packed(arena, panel, takes_scores ? 0 : d, takes_scores ? 0 : d);
  r_columns = take_packed(arena, panel, r.rows, r.columns);
  m_columns = take_packed(arena, panel, d, width);
  w2_columns = take_packed(arena, panel, d, h + 1);
  q0 = take_packed(arena, panel, h + 1, h + 1);
  w2 = arena.take<float>((h + 1) * d_row);
  above_diagonal = arena.take<int32_t>(2 * q0.panels());
  diagonal = arena.take<int32_t>(2 * q0.panels());
}

Labels::Labels(const PackedModel& model, int64_t count, const float* w_novel, Arena& arena)
    : count(count),
      row(padded(count, model.kernels.panel)),
      words(arena.zeros(count * model.d_row)),
      m(arena.take<float>(count * model.m_row)),
      v(arena.take<float>(count * model.h_row)),
      gram(arena.zeros(count * row)) {
  if (words == nullptr) return;
  const Kernels& kernels = model.kernels;
  copy_transposed(w_novel, count, model.d, count, words, model.d_row);
  const auto times = [&](const Packed& matrix, float* out, int64_t out_row) {
    const Product product = matrix.product(words, model.d_row);
    kernels.add_products({{nullptr, 0, 0}, {out, out_row, matrix.panel}, count, out_row, false, false},
                         &product, 1);
  };
  times(model.m_columns, m, model.m_row);
  times(model.w2_columns, v, model.h_row);
  kernels.dots(words, model.d_row, count, words, model.d_row, count, model.d_row, true, gram, row);
}

size_t labels_bytes(const PackedModel& model, int64_t count) {
  Arena counting;
  Labels(model, count, nullptr, counting);
  return counting.bytes();
}

}  // namespace desire_edge
