// Compiled once for each instruction set, into the namespace DESIRE_EDGE_KERNELS. It includes no header with inline
// functions but its own: the linker could pick this file's copy, with its instructions, for everyone.
#include "kernels.h"

#define DESIRE_EDGE_TEXT_OF(value) #value
#define DESIRE_EDGE_TEXT(value) DESIRE_EDGE_TEXT_OF(value)

#if defined(__GNUC__) && !defined(__clang__)
#define DESIRE_EDGE_UNROLL(count) _Pragma(DESIRE_EDGE_TEXT(GCC unroll count))
#elif defined(__clang__)
#define DESIRE_EDGE_UNROLL(count) _Pragma(DESIRE_EDGE_TEXT(clang loop unroll_count(count)))
#else
#define DESIRE_EDGE_UNROLL(count)
#endif

namespace desire_edge {
namespace DESIRE_EDGE_KERNELS {
namespace {

#include "vector.h"

constexpr int kPanel = 2 * kLanes;
constexpr int kMostRows = 6;  // x 2 vectors = 12 accumulators: of AVX2's 16 registers, and more than its FMA latency

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Calls call(Rows<R>(), first) for consecutive blocks of R rows, which differ by one at most: a short last block would
// leave the multipliers waiting.
template <int R>
struct Rows {
  static constexpr int count = R;
};

template <class Call>
void for_row_blocks(int64_t rows, Call call) {
  const int64_t blocks = (rows + kMostRows - 1) / kMostRows;
  int64_t first = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t count = rows / blocks + (block < rows % blocks ? 1 : 0);
    switch (count) {
      case 1:
        call(Rows<1>(), first);
        break;
      case 2:
        call(Rows<2>(), first);
        break;
      case 3:
        call(Rows<3>(), first);
        break;
      case 4:
        call(Rows<4>(), first);
        break;
      case 5:
        call(Rows<5>(), first);
        break;
      default:
        call(Rows<6>(), first);
    }
    first += count;
  }
}

// R rows of one panel: all accumulators stay in registers until every product is added.
template <int R>
void add_products_tile(const Sum& sum, const Product* products, int count, int64_t first, int64_t panel) {
  Vector low[R], high[R];
  if (sum.base.data == nullptr) {
    for (int r = 0; r < R; ++r) low[r] = high[r] = Vector{};
  } else {
    const float* base = sum.base.data + first * sum.base.row + panel * sum.base.panel_stride;
    for (int r = 0; r < R; ++r) {
      low[r] = load(base + r * sum.base.row);
      high[r] = load(base + r * sum.base.row + kLanes);
    }
  }

  for (const Product* product = products; product != products + count; ++product) {
    const int64_t begin = product->bounds == nullptr ? 0 : product->bounds[2 * panel];
    const int64_t end = product->bounds == nullptr ? product->depth : product->bounds[2 * panel + 1];
    const int64_t a_depth = product->a_depth, b_row = product->b.row;
    const float* a[R];
    for (int r = 0; r < R; ++r) a[r] = product->a + (first + r) * product->a_row + begin * a_depth;
    const float* b = product->b.data + panel * product->b.panel_stride + begin * b_row;
    for (int64_t k = begin; k < end; ++k) {
      const Vector b_low = load(b), b_high = load(b + kLanes);
      b += b_row;
      DESIRE_EDGE_UNROLL(6)
      for (int r = 0; r < R; ++r) {
        const float factor = *a[r];
        a[r] += a_depth;
        low[r] += b_low * factor;
        high[r] += b_high * factor;
      }
    }
  }

  if (sum.rectified) {
    for (int r = 0; r < R; ++r) {
      low[r] = rectify(low[r]);
      high[r] = rectify(high[r]);
    }
  }
  float* out = sum.out.data + first * sum.out.row + panel * sum.out.panel_stride;
  const int64_t columns = sum.columns - panel * kPanel;
  if (columns >= kPanel) {
    for (int r = 0; r < R; ++r) {
      store(out + r * sum.out.row, low[r]);
      store(out + r * sum.out.row + kLanes, high[r]);
    }
  } else {
    for (int r = 0; r < R; ++r) {
      float row[kPanel];
      store(row, low[r]);
      store(row + kLanes, high[r]);
      for (int64_t j = 0; j < columns; ++j) out[r * sum.out.row + j] = row[j];
    }
  }
}

void add_products(const Sum& sum, const Product* products, int count) {
  for (int64_t panel = 0; panel * kPanel < sum.columns; ++panel) {
    const int64_t rows = sum.upper ? smaller(sum.rows, (panel + 1) * kPanel) : sum.rows;
    for_row_blocks(rows, [&](auto block, int64_t first) {
      add_products_tile<decltype(block)::count>(sum, products, count, first, panel);
    });
  }
}

// R rows of a by two rows of b.
template <int R>
void dots_tile(const float* a, int64_t a_row, const float* b0, const float* b1, int64_t depth, float* sums) {
  Vector first[R], second[R];
  for (int r = 0; r < R; ++r) first[r] = second[r] = Vector{};
  for (int64_t k = 0; k < depth; k += kLanes) {
    const Vector x0 = load(b0 + k), x1 = load(b1 + k);
    DESIRE_EDGE_UNROLL(6)
    for (int r = 0; r < R; ++r) {
      const Vector factor = load(a + r * a_row + k);
      first[r] += x0 * factor;
      second[r] += x1 * factor;
    }
  }
  // Rows past the last are the last again: every sum is taken four at a time.
  for (int r = 0; r < R; r += 2) {
    const int next = r + 1 < R ? r + 1 : r;
    store_quad(sums + 2 * r, sums_of(first[r], second[r], first[next], second[next]));
  }
}

void dots(const float* a, int64_t a_row, int64_t rows, const float* b, int64_t b_row, int64_t columns,
          int64_t depth, bool symmetric, float* out, int64_t out_row) {
  for_row_blocks(rows, [&](auto block, int64_t first) {
    constexpr int R = decltype(block)::count;
    for (int64_t j = symmetric ? first - first % 2 : 0; j < columns; j += 2) {
      const int64_t next = smaller(j + 1, columns - 1);
      float sums[2 * R + 4];
      dots_tile<R>(a + first * a_row, a_row, b + j * b_row, b + next * b_row, depth, sums);
      for (int r = 0; r < R; ++r) {
        float* row = out + (first + r) * out_row;
        row[j] = sums[2 * r];
        row[next] = sums[2 * r + (next - j)];
      }
    }
  });
  if (!symmetric) return;
  for (int64_t i = 1; i < rows; ++i) {
    for (int64_t j = 0; j < i; ++j) out[i * out_row + j] = out[j * out_row + i];
  }
}

// Block by block of four rows and four columns above the diagonal panels.
void mirror(const Grid& matrix, int64_t size) {
  const auto at = [&](int64_t i, int64_t j) {
    return matrix.data + i * matrix.row + (j / kPanel) * matrix.panel_stride + j % kPanel;
  };
  for (int64_t j = kPanel; j < size; j += 4) {
    const int64_t rows = j - j % kPanel;  // a multiple of 4
    if (j + 4 <= size) {
      for (int64_t i = 0; i < rows; i += 4) {
        Quad a = load_quad(at(i, j)), b = load_quad(at(i + 1, j)), c = load_quad(at(i + 2, j)),
             d = load_quad(at(i + 3, j));
        transpose(a, b, c, d);
        store_quad(at(j, i), a);
        store_quad(at(j + 1, i), b);
        store_quad(at(j + 2, i), c);
        store_quad(at(j + 3, i), d);
      }
    } else {
      for (int64_t last = j; last < size; ++last) {
        for (int64_t i = 0; i < rows; ++i) *at(last, i) = *at(i, last);
      }
    }
  }
}

void row_dots(const float* a, const float* b, int64_t rows, int64_t columns, float* out) {
  for (int64_t i = 0; i < rows; ++i, a += columns, b += columns) {
    Vector sums[4] = {};
    int64_t j = 0;
    for (; j + 4 * kLanes <= columns; j += 4 * kLanes) {
      DESIRE_EDGE_UNROLL(4)
      for (int part = 0; part < 4; ++part) {
        sums[part] += load(a + j + part * kLanes) * load(b + j + part * kLanes);
      }
    }
    for (; j < columns; j += kLanes) sums[0] += load(a + j) * load(b + j);
    float parts[4];
    store_quad(parts, sums_of(sums[0], sums[1], sums[2], sums[3]));
    out[i] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
  }
}

void subtract_scaled(float* target, const float* scales, const float* a, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = i * columns; j < (i + 1) * columns; j += kLanes) {
      store(target + j, load(target + j) - load(a + j) * scales[i]);
    }
  }
}

void add_scaled(float* out, const float* base, float scale, const float* a, const float* condition,
                int64_t rows, int64_t columns) {
  const int64_t count = rows * columns;
  if (condition == nullptr) {
    for (int64_t j = 0; j < count; j += kLanes) store(out + j, load(base + j) + load(a + j) * scale);
  } else {
    for (int64_t j = 0; j < count; j += kLanes) {
      store(out + j, load(base + j) + where_positive(load(condition + j), load(a + j)) * scale);
    }
  }
}

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {DESIRE_EDGE_TEXT(DESIRE_EDGE_KERNELS),
                          kPanel,
                          add_products,
                          dots,
                          mirror,
                          row_dots,
                          subtract_scaled,
                          add_scaled};

}  // namespace DESIRE_EDGE_KERNELS
}  // namespace desire_edge
