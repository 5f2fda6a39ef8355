// What Kernels does element by element or row by row: the loss and its gradient, row sums, scaled sums.
// Included by kernels.cpp alone, in whose namespace everything here stands.

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
