// What Kernels::add_products does: sums of products, tile by tile. Included by kernels.cpp alone, in whose
// namespace everything here stands.
constexpr int kMostProducts = 2;

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
