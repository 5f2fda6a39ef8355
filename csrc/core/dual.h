// What Kernels::solve_dual does. Included by kernels.cpp alone, in whose namespace everything here stands.
constexpr int kDualPanel = 2 * kDoubles;

// Accumulators of R labels by two vectors of examples, by recursion as in Tile.
template <int R>
struct DualTile : DualTile<R - 1> {
  using Above = DualTile<R - 1>;
  Doubles low, high;
  const double* factor;

  DESIRE_EDGE_INLINE void from(const double* v, int64_t row) {
    Above::from(v, row);
    factor = v + (R - 1) * row;
    low = high = Doubles{};
  }
  DESIRE_EDGE_INLINE void add_product(Doubles k_low, Doubles k_high) {
    Above::add_product(k_low, k_high);
    const double scale = *factor++;
    low += k_low * scale;
    high += k_high * scale;
  }
  DESIRE_EDGE_INLINE void write(double* out, int64_t row) const {
    Above::write(out, row);
    store(out + (R - 1) * row, low);
    store(out + (R - 1) * row + kDoubles, high);
  }
};

template <>
struct DualTile<0> {
  void from(const double*, int64_t) {}
  void add_product(Doubles, Doubles) {}
  void write(double*, int64_t) const {}
};

// out = v K, [labels, row]: K is symmetric, so this is K times each label's numbers.
void times_kernel(const double* kernel, const double* v, int64_t labels, int64_t examples, int64_t row,
                  double* out) {
  for (int64_t j = 0; j < row; j += kDualPanel, kernel += examples * kDualPanel) {
    for_row_blocks(labels, [&](auto block, int64_t first, int64_t blocks) {
      constexpr int R = decltype(block)::count;
      for (; blocks > 0; --blocks, first += R) {
        DualTile<R> tile;
        tile.from(v + first * row, row);
        const double* k = kernel;
        for (int64_t i = 0; i < examples; ++i, k += kDualPanel) {
          tile.add_product(load(k), load(k + kDoubles));
        }
        tile.write(out + first * row + j, row);
      }
    });
  }
}

// One label's numbers, [row] each, in an outer step: conjugate gradients for (I + h A h) beta, where
// alpha = h beta and A(v) = K v + bias_variance sum(v).
struct DualLabel {
  const double *targets, *weights;
  double bias_variance;
  double *alpha, *f;  // f = prior + A(alpha), from step to step
  double *h, *residual, *direction;
  double v_sum, square;  // of v = h direction, and of the residual

  void direct(double ratio, double* v, int64_t row);
  void start(double* v, int64_t row);
  void step(double* v, double* k_v, int64_t row);
};

// direction = residual + ratio direction, and what depends on it.
DESIRE_EDGE_INLINE void DualLabel::direct(double ratio, double* v, int64_t row) {
  Doubles sums[2] = {};
  for (int64_t j = 0; j < row; j += kDualPanel) {
    for (int part = 0; part < 2; ++part) {
      const int64_t at = j + part * kDoubles;
      const Doubles next = load(residual + at) + load(direction + at) * ratio;
      const Doubles scaled = load(h + at) * next;
      store(direction + at, next);
      store(v + at, scaled);
      sums[part] += scaled;
    }
  }
  v_sum = sum_of(sums[0] + sums[1]);
}

// h, from a bound of the loss's curvature that is safe far from f, and the first residual. There
// h (f - prior) - h A(alpha) is 0.
DESIRE_EDGE_INLINE void DualLabel::start(double* v, int64_t row) {
  const Doubles zero{}, one = of_all(1);
  for (int64_t j = 0; j < row; j += kDoubles) {
    const Doubles x = load(f + j), size = larger(x, zero - x), decay = exponential(zero - size);
    const Doubles share = one / (one + decay);  // the larger of sigmoid(x) and 1 - sigmoid(x)
    // tanh(|x| / 2) / (4 |x|), |x| 0.01 or more
    const Doubles slope = where_positive(
        size + -0.01, (one - decay) * share * 0.25 / larger(size, of_all(0.01)), of_all(0.1249989583437499));
    const Doubles curvature = larger(slope + decay * share * share * 0.5, of_all(1e-3));
    store(h + j, load(weights + j) * curvature);
    const Doubles probability = where_positive(x, share, decay * share);
    store(residual + j, load(weights + j) * (load(targets + j) - probability) - load(alpha + j));
  }
  for (int64_t j = 0; j < row; ++j) h[j] = sqrt(h[j]);
  Doubles sum{};
  for (int64_t j = 0; j < row; j += kDoubles) {
    const Doubles scale = load(h + j), first = where_positive(scale, load(residual + j) / scale, zero);
    store(residual + j, first);
    store(direction + j, zero);
    sum += first * first;
  }
  square = sum_of(sum);
  direct(0, v, row);
}

DESIRE_EDGE_INLINE void DualLabel::step(double* v, double* k_v, int64_t row) {
  const double offset = bias_variance * v_sum;
  Doubles sums[2] = {};
  for (int64_t j = 0; j < row; j += kDualPanel) {
    for (int part = 0; part < 2; ++part) {
      const int64_t at = j + part * kDoubles;
      const Doubles image = load(k_v + at) + offset, of_direction = load(direction + at);
      store(k_v + at, image);
      sums[part] += of_direction * of_direction + load(v + at) * image;
    }
  }
  const double size = square / (sum_of(sums[0] + sums[1]) + 1e-20);
  sums[0] = sums[1] = Doubles{};
  for (int64_t j = 0; j < row; j += kDualPanel) {
    for (int part = 0; part < 2; ++part) {
      const int64_t at = j + part * kDoubles;
      const Doubles image = load(k_v + at);
      store(alpha + at, load(alpha + at) + load(v + at) * size);
      store(f + at, load(f + at) + image * size);
      const Doubles rest = load(residual + at) - (load(direction + at) + load(h + at) * image) * size;
      store(residual + at, rest);
      sums[part] += rest * rest;
    }
  }
  const double before = square;
  square = sum_of(sums[0] + sums[1]);
  direct(square / (before + 1e-20), v, row);
}

// As many labels at once as share a pass over K, and their numbers stay in the cache.
constexpr int kDualLabels = DualRoom::labels;
// The residual's square at which a label is done. What is left to gain of beta is no longer than the residual, as
// no eigenvalue of I + h A h is below 1.
constexpr double kSolved = 1e-20;

void solve_dual(const Dual& dual) {
  const int64_t S = dual.examples, row = dual.row;
  for (int64_t i = 0; i < dual.labels * row; ++i) {
    dual.alpha[i] = 0;
    dual.f[i] = dual.prior[i];
  }
  for (int64_t first = 0; first < dual.labels; first += kDualLabels) {
    const int64_t count = smaller(kDualLabels, dual.labels - first), size = count * row;
    double *const v = dual.room, *const k_v = v + size;  // a row for each label that is not yet done
    DualLabel labels[kDualLabels];
    for (int64_t n = 0; n < count; ++n) {
      const int64_t at = (first + n) * row;
      double* room = k_v + size + 3 * n * row;
      labels[n] = {dual.targets + at,
                   dual.weights + at,
                   dual.bias_variances[first + n],
                   dual.alpha + at,
                   dual.f + at,
                   room,
                   room + row,
                   room + 2 * row,
                   0,
                   0};
    }
    for (int outer = 0; outer < dual.outer_steps; ++outer) {
      for (int64_t n = 0; n < count; ++n) labels[n].start(v + n * row, row);
      int64_t left = count;
      for (int step = 0; step < dual.steps && left > 0; ++step) {
        times_kernel(dual.kernel, v, left, S, row, k_v);
        for (int64_t n = left - 1; n >= 0; --n) {
          labels[n].step(v + n * row, k_v + n * row, row);
          if (labels[n].square > kSolved) continue;
          // The last that is left takes its place.
          --left;
          const DualLabel done = labels[n];
          labels[n] = labels[left];
          labels[left] = done;
          for (int64_t j = 0; j < row; ++j) v[n * row + j] = v[left * row + j];
        }
      }
    }
  }
}
