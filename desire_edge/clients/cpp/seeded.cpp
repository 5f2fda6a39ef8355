#include "seeded.h"

#include <cmath>
#include <numeric>

namespace app {

std::vector<double> seeded_direction(const std::string& name, int64_t dim) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  std::vector<double> direction(dim);
  for (double& value : direction) {
    uint64_t state = hash += 0x9e3779b97f4a7c15;
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    state ^= state >> 31;
    value = 2 * (static_cast<double>(state >> 11) * 0x1p-53) - 1;
  }
  const double length = norm_of(direction);
  for (double& value : direction) value /= length;
  return direction;
}

double norm_of(const double* begin, const double* end) {
  return std::sqrt(std::inner_product(begin, end, begin, 0.0));
}

double norm_of(const std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

}  // namespace app
