// Compiled once for each instruction set, into the namespace DESIRE_EDGE_KERNELS. It includes no header with
// inline functions but its own: the linker could pick this file's copy, with its instructions, for everyone.
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

#if defined(__GNUC__)
#define DESIRE_EDGE_INLINE __attribute__((always_inline)) inline
#define DESIRE_EDGE_APART __attribute__((noinline))
#else
#define DESIRE_EDGE_INLINE inline
#define DESIRE_EDGE_APART
#endif

namespace desire_edge {
namespace DESIRE_EDGE_KERNELS {
namespace {

#include "vector.h"

constexpr int kPanel = 2 * kLanes;
constexpr int kMostProducts = 2;
constexpr int kMostRows =
    6;  // x 2 vectors = 12 accumulators: of AVX2's 16 registers, and more than its FMA latency

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Calls call(Rows<R>(), first, blocks) for each run of blocks of R rows. Blocks differ by one row at most: a
// short last one would leave the multipliers waiting.
template <int R>
struct Rows {
  static constexpr int count = R;
};

template <class Call>
void for_row_blocks(int64_t rows, Call call) {
  if (rows == 0) return;
  const int64_t blocks = (rows + kMostRows - 1) / kMostRows, fewer = rows / blocks, with_more = rows % blocks;
  int64_t first = 0;
  const auto run = [&](int64_t count, int64_t of_count) {
    if (of_count == 0) return;
    switch (count) {
      case 1:
        call(Rows<1>(), first, of_count);
        break;
      case 2:
        call(Rows<2>(), first, of_count);
        break;
      case 3:
        call(Rows<3>(), first, of_count);
        break;
      case 4:
        call(Rows<4>(), first, of_count);
        break;
      case 5:
        call(Rows<5>(), first, of_count);
        break;
      default:
        call(Rows<6>(), first, of_count);
    }
    first += count * of_count;
  };
  run(fewer + 1, with_more);
  run(fewer, blocks - with_more);
}

// Accumulators of R rows by two vectors. By recursion and not in arrays: those GCC would keep in memory.
template <int R>
struct Tile : Tile<R - 1> {
  using Above = Tile<R - 1>;
  Vector low, high;
  const float* factor;

  DESIRE_EDGE_INLINE void from(const float* a, int64_t row) {
    Above::from(a, row);
    factor = a + (R - 1) * row;
  }
  DESIRE_EDGE_INLINE void add_product(Vector b_low, Vector b_high, int64_t depth) {
    Above::add_product(b_low, b_high, depth);
    const float scale = *factor;
    factor += depth;
    low += b_low * scale;
    high += b_high * scale;
  }
  DESIRE_EDGE_INLINE void clear() {
    Above::clear();
    low = high = Vector{};
  }
  DESIRE_EDGE_INLINE void read(const float* base, int64_t row) {
    Above::read(base, row);
    low = load(base + (R - 1) * row);
    high = load(base + (R - 1) * row + kLanes);
  }
  DESIRE_EDGE_INLINE void rectify_all() {
    Above::rectify_all();
    low = rectify(low);
    high = rectify(high);
  }
  DESIRE_EDGE_INLINE void write(float* out, int64_t row) const {
    Above::write(out, row);
    store(out + (R - 1) * row, low);
    store(out + (R - 1) * row + kLanes, high);
  }
};

template <>
struct Tile<0> {
  void from(const float*, int64_t) {}
  void add_product(Vector, Vector, int64_t) {}
  void clear() {}
  void read(const float*, int64_t) {}
  void rectify_all() {}
  void write(float*, int64_t) const {}
};

DESIRE_EDGE_INLINE void prefetch(const float* data, int64_t row, int rows) {
#if defined(__GNUC__)
  for (int r = 0; r < rows; ++r) __builtin_prefetch(data + r * row);
#else
  (void)data, (void)row, (void)rows;
#endif
}

// The first `columns` of a tile's rows, from rows of whole panels.
DESIRE_EDGE_INLINE void write_columns(const float* rows, int count, int64_t columns, float* out,
                                      int64_t row) {
  for (int r = 0; r < count; ++r, rows += kPanel, out += row) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) store_quad(out + j, load_quad(rows + j));
    for (; j < columns; ++j) out[j] = rows[j];
  }
}

// Consecutive tiles of R rows, along a block of rows or down a panel. A tile's accumulators stay in registers
// until every product is added. Its addresses are found by steps from the one before: they would take as long
// as its sums.
template <int R>
void add_products_tiles(const Sum& sum, const Product* products, int count, int64_t first, int64_t panel,
                        int64_t tiles, bool along_rows) {
  struct Factors {
    const float *a, *b;
    int64_t a_step, b_step;
    const int32_t* bounds;
  };
  Factors factors[kMostProducts];
  for (int i = 0; i < count; ++i) {
    const Product& product = products[i];
    factors[i] = {product.a + first * product.a_row, product.b.data + panel * product.b.panel_stride,
                  along_rows ? 0 : R * product.a_row, along_rows ? product.b.panel_stride : 0,
                  product.bounds == nullptr ? nullptr : product.bounds + 2 * panel};
  }
  const int64_t base_row = sum.base.row, out_row = sum.out.row;
  const float* base = sum.base.data + first * base_row + panel * sum.base.panel_stride;
  float* out = sum.out.data + first * out_row + panel * sum.out.panel_stride;
  const int64_t base_step = along_rows ? sum.base.panel_stride : R * base_row;
  const int64_t out_step = along_rows ? sum.out.panel_stride : R * out_row;
  const bool based = sum.base.data != nullptr, rectified = sum.rectified;
  int64_t columns = sum.columns - panel * kPanel;

  for (; tiles > 0; --tiles) {
    Tile<R> tile;
    if (based) {
      // The next tile's: panels are too far from each other for the processor to foresee.
      if (along_rows) prefetch(base + base_step, base_row, R);
      tile.read(base, base_row);
    } else {
      tile.clear();
    }
    for (int i = 0; i < count; ++i) {
      Factors& factor = factors[i];
      const int64_t a_depth = products[i].a_depth, b_row = products[i].b.row;
      int64_t k = 0, end = products[i].depth;
      if (factor.bounds != nullptr) {
        k = factor.bounds[0];
        end = factor.bounds[1];
        if (along_rows) factor.bounds += 2;
      }
      tile.from(factor.a + k * a_depth, products[i].a_row);
      for (const float* b = factor.b + k * b_row; k < end; ++k, b += b_row) {
        tile.add_product(load(b), load(b + kLanes), a_depth);
      }
      factor.a += factor.a_step;
      factor.b += factor.b_step;
    }
    if (rectified) tile.rectify_all();

    if (columns >= kPanel) {
      tile.write(out, out_row);
    } else {
      float rows[R * kPanel];
      tile.write(rows, kPanel);
      write_columns(rows, R, columns, out, out_row);
    }
    base += base_step;
    out += out_step;
    if (along_rows) columns -= kPanel;
  }
}

// A panel of the right factor of a product of depth D, in registers: where the result has many elements a
// product of so little depth, loading and storing it is what takes time. By recursion as in Tile.
template <int D>
struct Shallow : Shallow<D - 1> {
  using Above = Shallow<D - 1>;
  Vector low, high;

  DESIRE_EDGE_INLINE void read(const float* b, int64_t row) {
    Above::read(b, row);
    low = load(b + (D - 1) * row);
    high = load(b + (D - 1) * row + kLanes);
  }
  DESIRE_EDGE_INLINE void add_product(const float* a, int64_t depth, Vector& sum_low,
                                      Vector& sum_high) const {
    Above::add_product(a, depth, sum_low, sum_high);
    const float scale = a[(D - 1) * depth];
    sum_low += low * scale;
    sum_high += high * scale;
  }
};

template <>
struct Shallow<0> {
  void read(const float*, int64_t) {}
  void add_product(const float*, int64_t, Vector&, Vector&) const {}
};

template <int D>
DESIRE_EDGE_APART void add_shallow_product(const Sum& sum, const Product& product, int64_t panels) {
  const bool based = sum.base.data != nullptr, rectified = sum.rectified;
  const int64_t a_row = product.a_row, a_depth = product.a_depth;
  const int64_t base_row = sum.base.row, out_row = sum.out.row, rows = sum.rows;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t columns = sum.columns - panel * kPanel;
    const float* a = product.a;
    const float* base = sum.base.data + panel * sum.base.panel_stride;
    float* out = sum.out.data + panel * sum.out.panel_stride;
    Shallow<D> factor;
    factor.read(product.b.data + panel * product.b.panel_stride, product.b.row);
    for (int64_t i = 0; i < rows; ++i, a += a_row, base += base_row, out += out_row) {
      Vector low{}, high{};
      if (based) {
        low = load(base);
        high = load(base + kLanes);
      }
      factor.add_product(a, a_depth, low, high);
      if (rectified) {
        low = rectify(low);
        high = rectify(high);
      }
      if (columns >= kPanel) {
        store(out, low);
        store(out + kLanes, high);
      } else {
        float row[kPanel];
        store(row, low);
        store(row + kLanes, high);
        write_columns(row, 1, columns, out, 0);
      }
    }
  }
}

// Writes what lies below one panel's diagonal block of a symmetric matrix from what lies above it, in blocks
// of four rows and four columns or, where vectors are long enough, eight.
void mirror_panel(const Sum& sum, int64_t panel) {
  const int64_t row = sum.out.row, above = panel * kPanel, columns = smaller(kPanel, sum.rows - above);
  const float* upper = sum.out.data + panel * sum.out.panel_stride;
  float* lower = sum.out.data + above * row;
  for (int64_t other = 0; other < panel; ++other, upper += kPanel * row, lower += sum.out.panel_stride) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      const float* from = upper + j;
      float* to = lower + j * row;
      int i = 0;
#if defined(DESIRE_EDGE_SHUFFLES) && defined(__AVX__)
      for (; i < kPanel; i += 8, from += 8 * row, to += 8) {
        const float* below = from + 4 * row;
        Quads a = load_quads(from, below), b = load_quads(from + row, below + row),
              c = load_quads(from + 2 * row, below + 2 * row),
              d = load_quads(from + 3 * row, below + 3 * row);
        transpose(a, b, c, d);
        store_quads(to, a);
        store_quads(to + row, b);
        store_quads(to + 2 * row, c);
        store_quads(to + 3 * row, d);
      }
#endif
      for (; i < kPanel; i += 4, from += 4 * row, to += 4) {
        Quad a = load_quad(from), b = load_quad(from + row), c = load_quad(from + 2 * row),
             d = load_quad(from + 3 * row);
        transpose(a, b, c, d);
        store_quad(to, a);
        store_quad(to + row, b);
        store_quad(to + 2 * row, c);
        store_quad(to + 3 * row, d);
      }
    }
    for (; j < columns; ++j) {
      for (int i = 0; i < kPanel; ++i) lower[j * row + i] = upper[i * row + j];
    }
  }
}

void add_products(const Sum& sum, const Product* products, int count) {
  const int64_t panels = (sum.columns + kPanel - 1) / kPanel;
  int64_t depth = 0;
  for (int i = 0; i < count; ++i) depth += products[i].depth;
  if (!sum.symmetric && count == 1 && products->bounds == nullptr) {
    switch (depth) {
      case 1:
        return add_shallow_product<1>(sum, *products, panels);
      case 2:
        return add_shallow_product<2>(sum, *products, panels);
      case 3:
        return add_shallow_product<3>(sum, *products, panels);
      case 4:
        return add_shallow_product<4>(sum, *products, panels);
      case 5:
        return add_shallow_product<5>(sum, *products, panels);
      case 6:
        return add_shallow_product<6>(sum, *products, panels);
    }
  }
  if (!sum.symmetric && (sum.rows > depth || sum.rows <= kMostRows)) {
    // In the order of the result's rows, where reading and writing it takes longest, or the order does not
    // matter.
    for_row_blocks(sum.rows, [&](auto block, int64_t first, int64_t blocks) {
      constexpr int R = decltype(block)::count;
      for (; blocks > 0; --blocks, first += R) {
        add_products_tiles<R>(sum, products, count, first, 0, panels, true);
      }
    });
    return;
  }
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t rows = sum.symmetric ? smaller(sum.rows, (panel + 1) * kPanel) : sum.rows;
    for_row_blocks(rows, [&](auto block, int64_t first, int64_t blocks) {
      add_products_tiles<decltype(block)::count>(sum, products, count, first, panel, blocks, false);
    });
    if (sum.symmetric) mirror_panel(sum, panel);
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
  for_row_blocks(rows, [&](auto block, int64_t first, int64_t blocks) {
    constexpr int R = decltype(block)::count;
    for (; blocks > 0; --blocks, first += R) {
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
    }
  });
  if (!symmetric) return;
  for (int64_t i = 1; i < rows; ++i) {
    for (int64_t j = 0; j < i; ++j) out[i * out_row + j] = out[j * out_row + i];
  }
}

// e^a for a <= 0, to float's precision; of a below -87, e^-87.
Vector exponential(Vector a) {
  a = larger(a, Vector{} + -87.0F);
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding and taking it away rounds to a whole number
  const Vector n = (a * 1.44269504F + kRounder) + -kRounder;
  const Vector rest = (a + n * -0.693359375F) + n * 2.12194440e-4F;  // a - n ln 2, ln 2 in two parts
  Vector sum = rest * (1.0F / 5040) + (1.0F / 720);
  sum = sum * rest + (1.0F / 120);
  sum = sum * rest + (1.0F / 24);
  sum = sum * rest + (1.0F / 6);
  sum = sum * rest + 0.5F;
  sum = sum * rest + 1.0F;
  sum = sum * rest + 1.0F;
  return times_power_of_two(sum, n);
}

// log(1 + a) for 0 <= a <= 1, to float's precision: 2 artanh(a / (2 + a)).
Vector log_of_one_plus(Vector a) {
  const Vector x = a / (a + 2.0F), square = x * x;
  Vector sum = square * (2.0F / 15) + (2.0F / 13);
  sum = sum * square + (2.0F / 11);
  sum = sum * square + (2.0F / 9);
  sum = sum * square + (2.0F / 7);
  sum = sum * square + (2.0F / 5);
  sum = sum * square + (2.0F / 3);
  sum = sum * square + 2.0F;
  return sum * x;
}

double cross_entropy(const float* logits, const float* targets, const float* shares, int64_t rows,
                     int64_t columns, float* gradient) {
  double loss = 0;
  for (int64_t i = 0; i < rows; ++i) {
    Vector sum{};
    for (int64_t j = i * columns; j < (i + 1) * columns; j += kLanes) {
      const Vector x = load(logits + j), target = load(targets + j), share = load(shares + j);
      const Vector positive = where_positive(x, x);
      // exp of a number <= 0 only, so that no logit overflows. x = positive part + negative part.
      const Vector decay = exponential((x - positive) - positive);
      const Vector one = Vector{} + 1.0F;
      const Vector sigmoid = (where_positive(x, one - decay) + decay) / (decay + 1.0F);
      sum += share * ((positive - x * target) + log_of_one_plus(decay));
      store(gradient + j, share * (sigmoid - target));
    }
    float parts[4];
    store_quad(parts, folded(sum));
    loss += static_cast<double>((parts[0] + parts[1]) + (parts[2] + parts[3]));
  }
  return loss;
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

float largest_magnitude(const float* data, int64_t count) {
  Bits largest[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int part = 0; part < 4; ++part)
      largest[part] = larger_magnitude(largest[part], load(data + i + part * kLanes));
  }
  float rest[4 * kLanes] = {};
  for (int64_t j = 0; i + j < count; ++j) rest[j] = data[i + j];
  for (int part = 0; part < 4; ++part)
    largest[part] = larger_magnitude(largest[part], load(rest + part * kLanes));

  union {
    int32_t bits;
    float value;
  } result = {0};
  for (const Bits& part : largest) {
    for (int lane = 0; lane < kLanes; ++lane)
      result.bits = part[lane] > result.bits ? part[lane] : result.bits;
  }
  return result.value;
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
                          largest_magnitude,
                          cross_entropy,
                          row_dots,
                          subtract_scaled,
                          add_scaled};

}  // namespace DESIRE_EDGE_KERNELS
}  // namespace desire_edge
