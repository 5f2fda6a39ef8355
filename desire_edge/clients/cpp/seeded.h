/* Vectors made from a name alone, in integer arithmetic; as desire_edge/lexicon/seeded.py. */
#ifndef DESIRE_EDGE_APP_SEEDED_H
#define DESIRE_EDGE_APP_SEEDED_H

#include <cstdint>
#include <string>
#include <vector>

namespace app {

/* A vector [dim] of length 1 that depends on the name only: splitmix64 started at the name's FNV-1a hash. */
std::vector<double> seeded_direction(const std::string& name, int64_t dim);

/* The l2 norm, summed in double. */
double norm_of(const double* begin, const double* end);
inline double norm_of(const std::vector<double>& vector) {
  return norm_of(vector.data(), vector.data() + vector.size());
}
double norm_of(const std::vector<float>& vector);

}  // namespace app

#endif
