// The float32 arithmetic that costs time, written once (kernels.cpp) and compiled for several instruction
// sets. Plain data in, plain data out: nothing here allocates, and nothing depends on how many threads there
// are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace desire_edge {

// Where element (i, j) of a matrix lies, by panels of `Kernels::panel` columns:
//     data[i * row + (j / panel) * panel_stride + j % panel].
// Row-major is row = columns, panel_stride = panel; packed panels are row = panel,
// panel_stride = rows * panel.
struct Grid {
  float* data;
  int64_t row;
  int64_t panel_stride;
};

struct ConstGrid {
  const float* data;
  int64_t row;  // 0 repeats the first row
  int64_t panel_stride;

  ConstGrid() = default;
  ConstGrid(const float* data, int64_t row, int64_t panel_stride)
      : data(data), row(row), panel_stride(panel_stride) {}
  ConstGrid(const Grid& grid) : ConstGrid(grid.data, grid.row, grid.panel_stride) {}
};

// a b, with a [rows, depth] read as a[i * a_row + k * a_depth] and b [depth, columns].
struct Product {
  const float* a;
  int64_t a_row;
  int64_t a_depth;
  ConstGrid b;
  int64_t depth;
  const int32_t* bounds;  // [panels, 2] first and last + 1 of the k for which b's panel is not all 0; or NULL
};

// out = base + products, for the rows and columns given. `out` may be `base`.
struct Sum {
  ConstGrid base;  // data NULL for 0
  Grid out;
  int64_t rows;
  int64_t columns;
  bool symmetric;  // the result is, in its diagonal panels up to rounding: half of it is computed, half
                   // mirrored
  bool rectified;  // out = max(base + products, 0), NaN stays NaN
};

// A task of the head `prior` as kernels.solve_dual reads it, transposed: a row a label, of `row` doubles, the
// examples and then zeros up to whole panels of `Kernels::dual_panel`.
struct Dual {
  int64_t examples, labels, row;
  const double* kernel;  // K, symmetric, in panels: see Grid, with row = dual_panel
  const double* prior;   // [labels, row]
  const double* targets;
  const double* weights;         // >= 0, what an example's loss counts
  const double* bias_variances;  // [labels]
  int outer_steps, steps;
  double* alpha;  // outputs, [labels, row]
  double* f;
  double* room;  // of DualRoom::size(labels, row)
};

struct DualRoom {
  static constexpr int labels = 48;
  static int64_t size(int64_t count, int64_t row) { return 5 * (count < labels ? count : labels) * row; }
};

// One instruction set's kernels.
struct Kernels {
  const char* name;
  int64_t panel;  // columns of a panel: two vectors; every row of a padded matrix is a multiple of it

  void (*add_products)(const Sum& sum, const Product* products, int count);

  // out[i * out_row + j] = a's row i . b's row j, over `depth` elements, a multiple of `panel`. If
  // `symmetric`, a b^T is known to be, and half of it is computed.
  void (*dots)(const float* a, int64_t a_row, int64_t rows, const float* b, int64_t b_row, int64_t columns,
               int64_t depth, bool symmetric, float* out, int64_t out_row);

  // The largest |data[i]|: infinity or NaN if there is one among them, 0 if there is no element.
  float (*largest_magnitude)(const float* data, int64_t count);

  // Element by element or row by row of arrays [rows, columns], columns a multiple of `panel`:
  // sum(shares * BCEWithLogits(logits, targets)), and its derivative by the logits
  double (*cross_entropy)(const float* logits, const float* targets, const float* shares, int64_t rows,
                          int64_t columns, float* gradient);
  // out[i] = a's row i . b's row i
  void (*row_dots)(const float* a, const float* b, int64_t rows, int64_t columns, float* out);
  // target -= scales[i] a, for row i
  void (*subtract_scaled)(float* target, const float* scales, const float* a, int64_t rows, int64_t columns);
  // out = base + scale (condition > 0 ? a : 0), or base + scale a where condition is NULL
  void (*add_scaled)(float* out, const float* base, float scale, const float* a, const float* condition,
                     int64_t rows, int64_t columns);

  int64_t dual_panel;  // two vectors of doubles
  // alpha, and f = prior + A(alpha), of least sum(weights BCE(f, targets)) + alpha^T A(alpha) / 2 for each
  // label, A(v) = K v + bias_variance sum(v): `outer_steps` bounds of the loss by a parabola about f, each
  // followed by `steps` of conjugate gradients. All in double: a float K v would be off by 1e-5 and more.
  void (*solve_dual)(const Dual& dual);
};

// The index-th kernels that this CPU runs, the fastest first; NULL past the last.
const Kernels* kernels_at(size_t index);

// The kernels that the environment variable DESIRE_EDGE_KERNELS names, else the fastest that this CPU runs.
const Kernels& chosen_kernels();

}  // namespace desire_edge
