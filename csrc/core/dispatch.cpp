// Which of the kernels run here.
#include <cstdlib>
#include <string>

#include "check.h"
#include "kernels.h"

namespace desire_edge {

namespace baseline {
extern const Kernels kKernels;
}
#if defined(DESIRE_EDGE_X86_KERNELS)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

struct Candidate {
  const Kernels* kernels;
  bool runs_here;
};

}  // namespace

const Kernels* kernels_at(size_t index) {
  const Candidate candidates[] = {
#if defined(DESIRE_EDGE_X86_KERNELS)
      {&avx512::kKernels, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma")},
      {&avx2::kKernels, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
#endif
      {&baseline::kKernels, true}};
  for (const Candidate& candidate : candidates) {
    if (candidate.runs_here && index-- == 0) return candidate.kernels;
  }
  return nullptr;
}

const Kernels& chosen_kernels() {
  const char* name = std::getenv("DESIRE_EDGE_KERNELS");
  std::string names;
  const Kernels* kernels;
  for (size_t index = 0; (kernels = kernels_at(index)) != nullptr; ++index) {
    if (name == nullptr || std::string(name) == kernels->name) return *kernels;
    names += (index == 0 ? "" : ", ") + std::string(kernels->name);
  }
  refuse("DESIRE_EDGE_KERNELS is " + std::string(name) + ", but this CPU runs " + names);
}

}  // namespace desire_edge
