// The C ABI: checks, then the computation, then status and sentence. Nothing is thrown past here.
#include "dense.h"
#include "guard.h"
#include "head.h"
#include "lowrank.h"
#include "projection.h"

#define DESIRE_EDGE_TEXT_OF(value) #value
#define DESIRE_EDGE_TEXT(value) DESIRE_EDGE_TEXT_OF(value)

namespace desire_edge {
namespace {

void check_label_sizes(const Sizes* sizes) {
  check_pointer(sizes, 1, "sizes");
  check_size(sizes->labels, 1, "sizes.labels");
  check_size(sizes->dimension, 1, "sizes.dimension");
  check_size(sizes->hidden, 1, "sizes.hidden");
}

template <class T>
void check_inference(const Sizes& sizes, const Model<T>* model) {
  check_size(sizes.base_labels, 1, "sizes.base_labels");
  check_matrix(model->w_base, sizes.dimension, sizes.base_labels, "w_base");
  check_matrix(model->w_i, sizes.base_labels, sizes.dimension, "w_i");
}

template <class T>
void check_task(const Sizes& sizes, const Task<T>* task) {
  const int64_t S = sizes.examples, N = sizes.labels;
  check_size(S, 0, "sizes.examples");
  check_size(sizes.steps, 0, "sizes.steps");
  check_pointer(task, 1, "task");
  check_support<T>(*task, S, N, sizes.dimension, sizes.steps);
  check_matrix(task->w_novel, sizes.dimension, N, "w_novel");
}

template <class T>
void project_checked(const Sizes* sizes, const Model<T>* model, const T* w_novel, const T* z, T* logits) {
  check_label_sizes(sizes);
  check_size(sizes->examples, 0, "sizes.examples");
  check_transform<T>(*sizes, model);
  check_inference<T>(*sizes, model);
  check_matrix(w_novel, sizes->dimension, sizes->labels, "w_novel");
  check_matrix(z, sizes->examples, sizes->dimension, "z");
  check_pointer(logits, sizes->examples * sizes->labels, "logits");
  project<T>(*sizes, *model, w_novel, z).copy_to(logits);
  check_result(logits, sizes->examples * sizes->labels, "logits");
}

template <class T>
void adapt_dense_checked(const Sizes* sizes, const Model<T>* model, const Task<T>* task, Weights<T>* adapted,
                         T* losses) {
  check_label_sizes(sizes);
  check_transform<T>(*sizes, model);
  check_inference<T>(*sizes, model);
  check_task<T>(*sizes, task);
  const int64_t d = sizes->dimension, h = sizes->hidden, B = sizes->base_labels;
  check_pointer(adapted, 1, "adapted");
  check_pointer(adapted->w1, d * h, "adapted.w1");
  check_pointer(adapted->b1, h, "adapted.b1");
  check_pointer(adapted->w2, h * d, "adapted.w2");
  check_pointer(adapted->b2, d, "adapted.b2");
  check_pointer(adapted->w_i, B * d, "adapted.w_i");
  check_pointer(losses, sizes->steps + 1, "losses");
  adapt_dense<T>(*sizes, *model, *task, *adapted, losses);
  check_result(losses, sizes->steps + 1, "losses");
  check_result(adapted->w1, d * h, "w1");
  check_result(adapted->b1, h, "b1");
  check_result(adapted->w2, h * d, "w2");
  check_result(adapted->b2, d, "b2");
  check_result(adapted->w_i, B * d, "w_i");
  check_result(&adapted->gamma1, 1, "gamma1");
  check_result(&adapted->gamma2, 1, "gamma2");
}

template <class T>
void check_head(const Sizes& sizes, const Head<T>* head, int64_t rows_of_m) {
  check_pointer(head, 1, "head");
  check_head_arrays(*head, sizes.labels, sizes.dimension, sizes.hidden, rows_of_m);
}

template <class T>
void check_head_result(const Sizes& sizes, const Head<T>& head, int64_t rows_of_m) {
  const int64_t N = sizes.labels, d = sizes.dimension, h = sizes.hidden;
  check_result(head.w1, d * h, "w1");
  check_result(head.b1, h, "b1");
  check_result(head.v, (h + 1) * N, "v");
  check_result(head.q, (h + 1) * (h + 1), "q");
  check_result(head.m, rows_of_m * N, "m");
  check_result(&head.gamma1, 1, "gamma1");
  check_result(&head.gamma2, 1, "gamma2");
}

template <class T>
void adapt_lowrank_checked(const Sizes* sizes, const Model<T>* model, const Task<T>* task, Head<T>* head,
                           T* losses, T* conditioning) {
  check_label_sizes(sizes);
  check_transform<T>(*sizes, model);
  const int64_t d = sizes->dimension, h = sizes->hidden, B = sizes->base_labels;
  const bool scored = model->p == nullptr && model->r == nullptr;
  check_matrix(model->q0, h + 1, h + 1, "q0");
  check_task<T>(*sizes, task);
  check_base<T>(*sizes, *model);
  if (scored) check_matrix(task->scores, sizes->examples, B, "scores");
  check_head<T>(*sizes, head, scored ? B : d);
  check_pointer(losses, sizes->steps + 1, "losses");
  check_pointer(conditioning, 2, "conditioning");
  adapt_lowrank<T>(*sizes, *model, *task, *head, losses, conditioning);
  check_result(losses, sizes->steps + 1, "losses");
  check_result(conditioning, 2, "conditioning");
  check_head_result<T>(*sizes, *head, scored ? B : d);
}

template <class T>
void fold_checked(const Sizes* sizes, const Model<T>* model, const T* w_novel, Head<T>* head) {
  check_label_sizes(sizes);
  check_transform<T>(*sizes, model);
  check_inference<T>(*sizes, model);
  check_matrix(w_novel, sizes->dimension, sizes->labels, "w_novel");
  check_head<T>(*sizes, head, sizes->dimension);
  fold<T>(*sizes, *model, w_novel, *head);
  check_head_result<T>(*sizes, *head, sizes->dimension);
}

template <class T>
void head_logits_checked(const Sizes* sizes, const Head<T>* head, const T* r, const T* scores, const T* z,
                         T* logits) {
  check_label_sizes(sizes);
  const int64_t S = sizes->examples, N = sizes->labels, d = sizes->dimension, h = sizes->hidden,
                B = sizes->base_labels;
  const bool scored = r == nullptr;
  check_size(S, 0, "sizes.examples");
  if (scored) {
    check_size(B, 1, "sizes.base_labels");
    check_matrix(scores, S, B, "scores");
  } else {
    check_matrix(r, d, d, "r");
  }
  check_head<T>(*sizes, head, scored ? B : d);
  check_matrix(head->w1, d, h, "w1");
  check_vector(head->b1, h, "b1");
  check_matrix(head->v, h + 1, N, "v");
  check_matrix(head->q, h + 1, h + 1, "q");
  check_matrix(head->m, scored ? B : d, N, "m");
  check_scalar(head->gamma1, "gamma1");
  check_scalar(head->gamma2, "gamma2");
  check_matrix(z, S, d, "z");
  check_pointer(logits, S * N, "logits");
  head_logits<T>(*sizes, *head, r, scores, z).copy_to(logits);
  check_result(logits, S * N, "logits");
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

desire_edge_status desire_edge_adapt_dense_f32(const desire_edge_sizes* sizes,
                                               const desire_edge_model_f32* model,
                                               const desire_edge_task_f32* task,
                                               desire_edge_weights_f32* adapted, float* losses, char* error,
                                               size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { adapt_dense_checked<float>(sizes, model, task, adapted, losses); });
}

desire_edge_status desire_edge_adapt_dense_f64(const desire_edge_sizes* sizes,
                                               const desire_edge_model_f64* model,
                                               const desire_edge_task_f64* task,
                                               desire_edge_weights_f64* adapted, double* losses, char* error,
                                               size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { adapt_dense_checked<double>(sizes, model, task, adapted, losses); });
}

desire_edge_status desire_edge_adapt_lowrank_f32(const desire_edge_sizes* sizes,
                                                 const desire_edge_model_f32* model,
                                                 const desire_edge_task_f32* task, desire_edge_head_f32* head,
                                                 float* losses, float* conditioning, char* error,
                                                 size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { adapt_lowrank_checked<float>(sizes, model, task, head, losses, conditioning); });
}

desire_edge_status desire_edge_adapt_lowrank_f64(const desire_edge_sizes* sizes,
                                                 const desire_edge_model_f64* model,
                                                 const desire_edge_task_f64* task, desire_edge_head_f64* head,
                                                 double* losses, double* conditioning, char* error,
                                                 size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { adapt_lowrank_checked<double>(sizes, model, task, head, losses, conditioning); });
}

desire_edge_status desire_edge_fold_f32(const desire_edge_sizes* sizes, const desire_edge_model_f32* model,
                                        const float* w_novel, desire_edge_head_f32* head, char* error,
                                        size_t error_capacity) {
  return guarded(error, error_capacity, [&] { fold_checked<float>(sizes, model, w_novel, head); });
}

desire_edge_status desire_edge_fold_f64(const desire_edge_sizes* sizes, const desire_edge_model_f64* model,
                                        const double* w_novel, desire_edge_head_f64* head, char* error,
                                        size_t error_capacity) {
  return guarded(error, error_capacity, [&] { fold_checked<double>(sizes, model, w_novel, head); });
}

desire_edge_status desire_edge_head_logits_f32(const desire_edge_sizes* sizes,
                                               const desire_edge_head_f32* head, const float* r,
                                               const float* scores, const float* z, float* logits,
                                               char* error, size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { head_logits_checked<float>(sizes, head, r, scores, z, logits); });
}

desire_edge_status desire_edge_head_logits_f64(const desire_edge_sizes* sizes,
                                               const desire_edge_head_f64* head, const double* r,
                                               const double* scores, const double* z, double* logits,
                                               char* error, size_t error_capacity) {
  return guarded(error, error_capacity,
                 [&] { head_logits_checked<double>(sizes, head, r, scores, z, logits); });
}
