#include "machine.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace {
#include "vector.h"

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Keeps what is computed from being optimised away.
volatile float sink;

}  // namespace

double measure_multiply_adds() {
  constexpr int kChains = 12, kRounds = 200000;
  const float seed = sink;  // not known to the compiler, which would find chains whose numbers stand still
  Vector sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vector{} + (seed + static_cast<float>(chain));
  const Vector factor = Vector{} + 0.999F, term = Vector{} + 1e-3F;
  const auto start = Clock::now();
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] * factor + term;
  }
  const double seconds = seconds_since(start);
  Vector total{};
  for (const Vector& each : sums) total += each;
  sink = total[0];
  return double(kChains) * kRounds * kLanes / seconds;
}

double measure_bandwidth() {
  static const std::vector<float> data(size_t(64) << 20, 1.0F);
  Vector sums[8] = {};
  const auto start = Clock::now();
  for (size_t i = 0; i < data.size(); i += 8 * kLanes) {
#pragma GCC unroll 8
    for (int part = 0; part < 8; ++part) sums[part] += load(data.data() + i + part * kLanes);
  }
  const double seconds = seconds_since(start);
  for (int part = 1; part < 8; ++part) sums[0] += sums[part];
  sink = sums[0][0];
  return double(data.size()) * sizeof(float) / seconds;
}
