/* Arrays, half precision and safetensors files. */
#ifndef DESIRE_EDGE_APP_ARRAYS_H
#define DESIRE_EDGE_APP_ARRAYS_H

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "error.h"

namespace app {

/* Rows of floats, one after the other. */
struct Matrix {
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<float> values;

  Matrix() = default;
  Matrix(int64_t rows, int64_t columns) : rows(rows), columns(columns), values(rows * columns, 0.f) {}
  float* operator[](int64_t row) { return values.data() + row * columns; }
  const float* operator[](int64_t row) const { return values.data() + row * columns; }
};

/* Rounds to half precision, ties to even; beyond its range to infinity. */
uint16_t to_half(float value);
float from_half(uint16_t half);
bool all_finite(const std::vector<float>& values);

/* One array of a safetensors file: its bytes are little-endian and stay in the file's content. */
struct Tensor {
  std::string dtype; /* "F32", "F16", "U8", ... */
  std::vector<uint64_t> shape;
  std::string_view bytes;
};

struct Safetensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/* Reads `content`, which must outlive the result. Sizes and overlaps are checked; `where` names the file in
 * errors, and `code` is theirs. */
Safetensors read_safetensors(std::string_view content, const std::string& where, Code code);

/* What the safetensors library writes for these tensors and this one entry of metadata, byte for byte. */
std::string write_safetensors(const std::map<std::string, Tensor>& tensors, const std::string& key,
                              const std::string& value);

}  // namespace app

#endif
