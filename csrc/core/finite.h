// Whether numbers are finite, by their bits: loops that a compiler vectorises, as it may not those that
// compare floats.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace desire_edge {

template <class T>
struct Bits;
template <>
struct Bits<float> {
  using Integer = int32_t;
  static constexpr Integer infinity = 0x7f800000;
};
template <>
struct Bits<double> {
  using Integer = int64_t;
  static constexpr Integer infinity = 0x7ff0000000000000;
};

// The bits of |value|, which are ordered as the magnitudes are, infinity and then NaN above all numbers.
template <class T>
typename Bits<T>::Integer magnitude_bits(T value) {
  typename Bits<T>::Integer bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & ~(typename Bits<T>::Integer(1) << (8 * sizeof bits - 1));
}

// The largest |value|; infinity or NaN if there is one among them, 0 if there is no value.
template <class T>
T largest_magnitude(const T* data, int64_t count) {
  typename Bits<T>::Integer largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, magnitude_bits(data[i]));
  T result;
  std::memcpy(&result, &largest, sizeof result);
  return result;
}

template <class T>
bool all_finite(const T* data, int64_t count) {
  return magnitude_bits(largest_magnitude(data, count)) < Bits<T>::infinity;
}

}  // namespace desire_edge
