// Compiled once for each instruction set, into the namespace DESIRE_EDGE_KERNELS. It includes no header with
// inline functions but its own: the linker could pick this file's copy, with its instructions, for everyone.
#include "kernels.h"

extern "C" double sqrt(double) noexcept;

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
// x 2 vectors = 12 accumulators: of AVX2's 16 registers, and more than its FMA latency.
constexpr int kMostRows = 6;

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

#include "products.h"

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

#include "doubles.h"
#include "dual.h"
#include "elementwise.h"

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
                          add_scaled,
                          kDualPanel,
                          solve_dual};

}  // namespace DESIRE_EDGE_KERNELS
}  // namespace desire_edge
