// A model and a label set as the float32 kernels read them: made once, constant from then on.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "memory.h"
#include "types.h"

namespace desire_edge {

// A constant right factor [rows, columns] in panels, filled up with zeros.
struct Packed {
  float* data;
  int32_t* bounds;  // see Product::bounds: of a triangular matrix half of the products are left out
  int64_t rows;
  int64_t columns;
  int64_t panel;

  int64_t panels() const { return padded(columns, panel) / panel; }
  Grid grid() const { return {data, panel, rows * panel}; }
  Product product(const float* a, int64_t a_row, int64_t a_depth = 1) const {
    return {a, a_row, a_depth, grid(), rows, bounds};
  }
};

// Element (i, j) of what is to be packed is data[i * row + j * column].
struct Source {
  const float* data;
  int64_t row;
  int64_t column;
};

Packed take_packed(Arena& arena, int64_t panel, int64_t rows, int64_t columns);

// Fills `packed` with the first `columns` columns of the source, the rest with zeros, and finds its bounds.
void pack(const Source& source, int64_t columns, Packed& packed);

// The first `columns` columns of what was packed, row-major, in double; or their transpose.
std::vector<double> unpacked(const Packed& packed, int64_t columns, bool transposed = false);

// The packed model. The rows of row-major arrays are padded to whole panels, with zeros.
class PackedModel {
 public:
  PackedModel(const Sizes& sizes, const Model<float>& model, const Kernels& kernels);

  const Kernels& kernels;
  const int64_t d, h;
  const bool takes_scores;            // p and r are NULL: the base labels' scores will be given
  const int64_t width;                // rows of m: d, or B where it takes scores
  const int64_t d_row, h_row, m_row;  // d, h + 1 and width, padded
  const float gamma1, gamma2;

 private:
  void lay_out(Arena& arena);
  size_t bytes_needed();
  Block block_;

 public:
  Packed w1;            // [d, h], with the panels of h + 1 columns
  float* b1_tilde;      // [h_row] b1, 1, 0 ...: so that relu(z w1 + b1~) is [H, 1]
  Packed r, r_columns;  // r and r^T, [d, d]; not there where it takes scores
  Packed m_columns;     // what takes w_novel^T to m^T: p^T [d, d], or w_i^T [d, B]
  Packed w2_columns;    // W2~^T, [d, h + 1]
  Packed q0;            // [h + 1, h + 1]
  float* w2;            // W2~, [h + 1, d_row]
  // Bounds of the rows of an [h + 1, h + 1] matrix above a panel's diagonal block, and of that block.
  int32_t *above_diagonal, *diagonal;
  float largest_w1, largest_q0;
};

// What depends on the label set alone, transposed: a row a label.
class Labels {
 public:
  // Takes its arrays from the arena, and computes them if that has a block.
  Labels(const PackedModel& model, int64_t count, const float* w_novel, Arena& arena);

  int64_t count;  // N
  int64_t row;    // N, padded
  float* words;   // w_novel^T, [N, d_row]
  float* m;       // (p w_novel)^T, or (w_i w_novel)^T, [N, m_row]
  float* v;       // (W2~ w_novel)^T, [N, h_row]
  float* gram;    // w_novel^T w_novel, [N, row]
};

// Bytes that the labels take of an arena's block.
size_t labels_bytes(const PackedModel& model, int64_t count);

// target [rows, target_row] = source [rows, columns], row by row, the rest of each row 0.
void copy_padded(const float* source, int64_t rows, int64_t columns, float* target, int64_t target_row);

// target [columns, target_row] = the transpose of source [rows, source_row]; the rest of a row is left as it
// is.
void copy_transposed(const float* source, int64_t source_row, int64_t rows, int64_t columns, float* target,
                     int64_t target_row);

}  // namespace desire_edge
