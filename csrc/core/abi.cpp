// The C ABI's version, messages and projection: checks, then the computation, then status and sentence.
// Nothing is thrown past here.
#include "guard.h"
#include "projection.h"

#define DESIRE_EDGE_TEXT_OF(value) #value
#define DESIRE_EDGE_TEXT(value) DESIRE_EDGE_TEXT_OF(value)

namespace desire_edge {
namespace {

template <class T>
void project_checked(const Sizes* sizes, const Model<T>* model, const T* w_novel, const T* z, T* logits) {
  check_pointer(sizes, 1, "sizes");
  check_label_sizes(*sizes);
  check_size(sizes->examples, 0, "sizes.examples");
  check_pointer(model, 1, "model");
  check_transform<T>(*sizes, *model);
  check_inference<T>(*sizes, *model);
  check_matrix(w_novel, sizes->dimension, sizes->labels, "w_novel");
  check_matrix(z, sizes->examples, sizes->dimension, "z");
  check_pointer(logits, sizes->examples * sizes->labels, "logits");
  project<T>(*sizes, *model, w_novel, z).copy_to(logits);
  check_result(logits, sizes->examples * sizes->labels, "logits");
}

}  // namespace
}  // namespace desire_edge

using namespace desire_edge;

const char* desire_edge_version(void) {
  return DESIRE_EDGE_TEXT(DESIRE_EDGE_VERSION_MAJOR) "." DESIRE_EDGE_TEXT(
      DESIRE_EDGE_VERSION_MINOR) "." DESIRE_EDGE_TEXT(DESIRE_EDGE_VERSION_PATCH);
}

const char* desire_edge_status_message(desire_edge_status status) {
  switch (status) {
    case DESIRE_EDGE_OK:
      return "success";
    case DESIRE_EDGE_INVALID_ARGUMENT:
      return "an argument is invalid";
    case DESIRE_EDGE_DIVERGED:
      return "a result is not finite";
    case DESIRE_EDGE_OUT_OF_MEMORY:
      return "working memory could not be allocated";
    case DESIRE_EDGE_INTERNAL_ERROR:
      return "internal error";
  }
  return "unknown status";
}

desire_edge_status desire_edge_project_f32(const desire_edge_sizes* sizes, const desire_edge_model_f32* model,
                                           const float* w_novel, const float* z, float* logits, char* error,
                                           size_t error_capacity) {
  return guarded(error, error_capacity, [&] { project_checked<float>(sizes, model, w_novel, z, logits); });
}

desire_edge_status desire_edge_project_f64(const desire_edge_sizes* sizes, const desire_edge_model_f64* model,
                                           const double* w_novel, const double* z, double* logits,
                                           char* error, size_t error_capacity) {
  return guarded(error, error_capacity, [&] { project_checked<double>(sizes, model, w_novel, z, logits); });
}
