// One vector register of doubles, for what float is too coarse for. Included by kernels.cpp alone, in whose
// namespace everything here stands.
constexpr int kDoubles = kLanes / 2;

#if defined(__GNUC__)  // GCC and Clang
typedef double Doubles __attribute__((vector_size(8 * kDoubles)));
typedef double UnalignedDoubles __attribute__((vector_size(8 * kDoubles), aligned(8), may_alias));
typedef int64_t DoubleBits __attribute__((vector_size(8 * kDoubles)));

inline Doubles load(const double* data) { return *reinterpret_cast<const UnalignedDoubles*>(data); }
inline void store(double* data, Doubles a) { *reinterpret_cast<UnalignedDoubles*>(data) = a; }
inline Doubles larger(Doubles a, Doubles b) { return a > b ? a : b; }
inline Doubles where_positive(Doubles condition, Doubles a, Doubles otherwise) {
  return condition > Doubles{} ? a : otherwise;
}
// a 2^n of which the result is a normal number; n is in the lowest bits of `rounded`, see exponential.
inline Doubles times_power_of_two(Doubles a, Doubles rounded) {
  return reinterpret_cast<Doubles>(reinterpret_cast<DoubleBits>(a) +
                                   (reinterpret_cast<DoubleBits>(rounded) << 52));
}
#else
struct Doubles {
  double lanes[kDoubles];
  double operator[](int i) const { return lanes[i]; }
  Doubles& operator+=(const Doubles& a) { return *this = *this + a; }
  template <class Call>
  static Doubles each(Call call) {
    Doubles result;
    for (int i = 0; i < kDoubles; ++i) result.lanes[i] = call(i);
    return result;
  }
  friend Doubles operator+(const Doubles& a, const Doubles& b) {
    return each([&](int i) { return a[i] + b[i]; });
  }
  friend Doubles operator-(const Doubles& a, const Doubles& b) {
    return each([&](int i) { return a[i] - b[i]; });
  }
  friend Doubles operator*(const Doubles& a, const Doubles& b) {
    return each([&](int i) { return a[i] * b[i]; });
  }
  friend Doubles operator/(const Doubles& a, const Doubles& b) {
    return each([&](int i) { return a[i] / b[i]; });
  }
  friend Doubles operator*(const Doubles& a, double b) {
    return each([&](int i) { return a[i] * b; });
  }
  friend Doubles operator+(const Doubles& a, double b) {
    return each([&](int i) { return a[i] + b; });
  }
};

inline Doubles load(const double* data) {
  return Doubles::each([&](int i) { return data[i]; });
}
inline void store(double* data, const Doubles& a) {
  for (int i = 0; i < kDoubles; ++i) data[i] = a[i];
}
inline Doubles larger(const Doubles& a, const Doubles& b) {
  return Doubles::each([&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
}
inline Doubles where_positive(const Doubles& condition, const Doubles& a, const Doubles& otherwise) {
  return Doubles::each([&](int i) { return condition[i] > 0 ? a[i] : otherwise[i]; });
}
union DoubleAndBits {
  double value;
  uint64_t bits;
};
inline Doubles times_power_of_two(const Doubles& a, const Doubles& rounded) {
  return Doubles::each([&](int i) {
    DoubleAndBits lane = {a[i]};
    const DoubleAndBits power = {rounded[i]};
    lane.bits += power.bits << 52;
    return lane.value;
  });
}
#endif

inline Doubles of_all(double value) { return Doubles{} + value; }
inline double sum_of(Doubles a) {
  double sum = 0;
  for (int i = 0; i < kDoubles; ++i) sum += a[i];
  return sum;
}

// e^a for a <= 0, to a few units in the last place; of a below -700, e^-700.
inline Doubles exponential(Doubles a) {
  a = larger(a, of_all(-700));
  constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52: the sum's lowest bits are the whole number
  const Doubles rounded = a * 1.4426950408889634 + kRounder, n = rounded + -kRounder;
  // a - n ln 2, ln 2 in two parts, the first of so few bits that its product with n is exact
  const Doubles rest = (a + n * -0.6931471803691238) + n * -1.9082149292705877e-10;
  Doubles sum = rest * (1.0 / 6227020800) + (1.0 / 479001600);
  sum = sum * rest + (1.0 / 39916800);
  sum = sum * rest + (1.0 / 3628800);
  sum = sum * rest + (1.0 / 362880);
  sum = sum * rest + (1.0 / 40320);
  sum = sum * rest + (1.0 / 5040);
  sum = sum * rest + (1.0 / 720);
  sum = sum * rest + (1.0 / 120);
  sum = sum * rest + (1.0 / 24);
  sum = sum * rest + (1.0 / 6);
  sum = sum * rest + 0.5;
  sum = sum * rest + 1.0;
  sum = sum * rest + 1.0;
  return times_power_of_two(sum, rounded);
}
