// One vector register of floats, as wide as the instruction set this file is compiled for. Included by
// kernels.cpp alone, in whose namespace everything here stands: two instruction sets' versions must not meet
// in one program.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

#if defined(__GNUC__)  // GCC and Clang
typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef float Unaligned __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

inline Vector load(const float* data) { return *reinterpret_cast<const Unaligned*>(data); }
inline void store(float* data, Vector a) { *reinterpret_cast<Unaligned*>(data) = a; }
// NaN stays NaN: every comparison with it is false.
inline Vector rectify(Vector a) { return a <= Vector{} ? Vector{} : a; }
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector where_positive(Vector condition, Vector a) { return condition > Vector{} ? a : Vector{}; }

// The bits of numbers' magnitudes, which are ordered as these are, infinity and then NaN above all.
typedef int32_t Bits __attribute__((vector_size(4 * kLanes)));
inline Bits larger_magnitude(Bits magnitudes, Vector a) {
  const Bits bits = reinterpret_cast<Bits>(a) & 0x7fffffff;
  return magnitudes > bits ? magnitudes : bits;
}
// a 2^n, for whole n of which all results are normal numbers.
inline Vector times_power_of_two(Vector a, Vector n) {
  return reinterpret_cast<Vector>(reinterpret_cast<Bits>(a) + (__builtin_convertvector(n, Bits) << 23));
}
#else
struct Vector {
  float lanes[kLanes];
  float operator[](int i) const { return lanes[i]; }
  Vector& operator+=(const Vector& a) { return *this = *this + a; }
  template <class Call>
  static Vector each(Call call) {
    Vector result;
    for (int i = 0; i < kLanes; ++i) result.lanes[i] = call(i);
    return result;
  }
  friend Vector operator+(const Vector& a, const Vector& b) {
    return each([&](int i) { return a[i] + b[i]; });
  }
  friend Vector operator-(const Vector& a, const Vector& b) {
    return each([&](int i) { return a[i] - b[i]; });
  }
  friend Vector operator*(const Vector& a, const Vector& b) {
    return each([&](int i) { return a[i] * b[i]; });
  }
  friend Vector operator/(const Vector& a, const Vector& b) {
    return each([&](int i) { return a[i] / b[i]; });
  }
  friend Vector operator*(const Vector& a, float b) {
    return each([&](int i) { return a[i] * b; });
  }
  friend Vector operator+(const Vector& a, float b) {
    return each([&](int i) { return a[i] + b; });
  }
};

inline Vector load(const float* data) {
  return Vector::each([&](int i) { return data[i]; });
}
inline void store(float* data, const Vector& a) {
  for (int i = 0; i < kLanes; ++i) data[i] = a[i];
}
inline Vector rectify(const Vector& a) {
  return Vector::each([&](int i) { return a[i] <= 0 ? 0.0F : a[i]; });
}
inline Vector larger(const Vector& a, const Vector& b) {
  return Vector::each([&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
}
inline Vector where_positive(const Vector& condition, const Vector& a) {
  return Vector::each([&](int i) { return condition[i] > 0 ? a[i] : 0.0F; });
}

struct Bits {
  int32_t lanes[kLanes];
  int32_t operator[](int i) const { return lanes[i]; }
};
union FloatBits {
  float value;
  int32_t bits;
};
inline Bits larger_magnitude(const Bits& magnitudes, const Vector& a) {
  Bits result;
  for (int i = 0; i < kLanes; ++i) {
    const FloatBits lane = {a[i]};
    const int32_t bits = lane.bits & 0x7fffffff;
    result.lanes[i] = magnitudes[i] > bits ? magnitudes[i] : bits;
  }
  return result;
}
inline Vector times_power_of_two(const Vector& a, const Vector& n) {
  return Vector::each([&](int i) {
    FloatBits lane = {a[i]};
    lane.bits += static_cast<int32_t>(n[i]) << 23;
    return lane.value;
  });
}
#endif

// Four floats, for the transposes and the sums across a vector.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define DESIRE_EDGE_SHUFFLES
#endif
#endif

#if defined(DESIRE_EDGE_SHUFFLES)
typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));

inline Quad load_quad(const float* data) { return *reinterpret_cast<const UnalignedQuad*>(data); }
inline void store_quad(float* data, Quad a) { *reinterpret_cast<UnalignedQuad*>(data) = a; }

inline void transpose(Quad& a, Quad& b, Quad& c, Quad& d) {
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if defined(__AVX__)
// Two quads side by side, transposed with three others as two blocks: half the work of one after the other.
typedef float Quads __attribute__((vector_size(32)));
typedef float UnalignedQuads __attribute__((vector_size(32), aligned(4), may_alias));

inline Quads load_quads(const float* low, const float* high) {
  return __builtin_shufflevector(load_quad(low), load_quad(high), 0, 1, 2, 3, 4, 5, 6, 7);
}
inline void store_quads(float* data, Quads a) { *reinterpret_cast<UnalignedQuads*>(data) = a; }

inline void transpose(Quads& a, Quads& b, Quads& c, Quads& d) {
  const Quads ab_low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
  const Quads ab_high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  const Quads cd_low = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
  const Quads cd_high = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 8, 9, 4, 5, 12, 13);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 10, 11, 6, 7, 14, 15);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 8, 9, 4, 5, 12, 13);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 10, 11, 6, 7, 14, 15);
}
#endif

// The vector's quads added up.
inline Quad folded(Vector a) {
#if defined(__AVX512F__)
  return (__builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 8, 9, 10, 11)) +
         (__builtin_shufflevector(a, a, 4, 5, 6, 7) + __builtin_shufflevector(a, a, 12, 13, 14, 15));
#elif defined(__AVX__)
  return __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
#else
  return a;
#endif
}
#else
struct Quad {
  float lanes[4];
  float operator[](int i) const { return lanes[i]; }
  friend Quad operator+(const Quad& a, const Quad& b) {
    return {{a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}};
  }
};

inline Quad load_quad(const float* data) { return {{data[0], data[1], data[2], data[3]}}; }
inline void store_quad(float* data, const Quad& a) {
  for (int i = 0; i < 4; ++i) data[i] = a[i];
}
inline void transpose(Quad& a, Quad& b, Quad& c, Quad& d) {
  const Quad rows[4] = {a, b, c, d};
  Quad* columns[4] = {&a, &b, &c, &d};
  for (int j = 0; j < 4; ++j) *columns[j] = {{rows[0][j], rows[1][j], rows[2][j], rows[3][j]}};
}
inline Quad folded(const Vector& a) {
  Quad result{};
  for (int i = 0; i < kLanes; i += 4) result = result + Quad{{a[i], a[i + 1], a[i + 2], a[i + 3]}};
  return result;
}
#endif

// [sum of a, sum of b, sum of c, sum of d].
inline Quad sums_of(Vector a, Vector b, Vector c, Vector d) {
  Quad qa = folded(a), qb = folded(b), qc = folded(c), qd = folded(d);
  transpose(qa, qb, qc, qd);
  return (qa + qb) + (qc + qd);
}
