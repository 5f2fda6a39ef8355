#include "reference.h"

#include <algorithm>

#include "check.h"
#include "dense.h"
#include "head.h"
#include "inner_loop.h"
#include "lowrank.h"

namespace desire_edge::reference {
namespace {

template <class T>
void check_task(const Sizes& sizes, const Task<T>& task) {
  const int64_t S = sizes.examples, N = sizes.labels;
  check_size(S, 0, "sizes.examples");
  check_size(sizes.steps, 0, "sizes.steps");
  check_support<T>(task, S, N, sizes.dimension, sizes.steps);
  check_matrix(task.w_novel, sizes.dimension, N, "w_novel");
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

void lowrank(const Sizes& sizes, const LowrankModel<double>& model, const Task<double>& task,
             Head<double>& head, double* losses, double* conditioning) {
  desire_edge::adapt_lowrank<double>(sizes, model, task, head, losses, conditioning);
}

// Packed for the one call.
void lowrank(const Sizes& sizes, const LowrankModel<float>& model, const Task<float>& task, Head<float>& head,
             float* losses, float* conditioning) {
  const PackedModel packed(sizes, model, chosen_kernels());
  const int64_t S = sizes.examples, N = sizes.labels, T = sizes.steps;
  const Form form = cheapest_form(packed, S, T);
  const Block block(labels_bytes(packed, N) + inner_loop_bytes(packed, S, N, T, form));
  Arena arena(block.data());
  const Labels labels(packed, N, task.w_novel, arena);
  const Support support{S, T, task.z, task.targets, task.mask, task.step_sizes, task.scores};
  const InnerLoopResult result =
      run_inner_loop(packed, labels, support, form, false, arena, head, losses, nullptr);
  std::copy_n(result.conditioning, 2, conditioning);
}

}  // namespace

template <class T>
void adapt_dense(const Sizes& sizes, const Model<T>& model, const Task<T>& task, Weights<T>& adapted,
                 T* losses) {
  check_label_sizes(sizes);
  check_transform<T>(sizes, model);
  check_inference<T>(sizes, model);
  check_task<T>(sizes, task);
  const int64_t d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
  desire_edge::adapt_dense<T>(sizes, model, task, adapted, losses);
  check_result(losses, sizes.steps + 1, "losses");
  check_result(adapted.w1, d * h, "w1");
  check_result(adapted.b1, h, "b1");
  check_result(adapted.w2, h * d, "w2");
  check_result(adapted.b2, d, "b2");
  check_result(adapted.w_i, B * d, "w_i");
  check_result(&adapted.gamma1, 1, "gamma1");
  check_result(&adapted.gamma2, 1, "gamma2");
}

template <class T>
void adapt_lowrank(const Sizes& sizes, const LowrankModel<T>& model, const Task<T>& task, Head<T>& head,
                   T* losses, T* conditioning) {
  check_label_sizes(sizes);
  check_transform<T>(sizes, model);
  const int64_t d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
  const bool scored = model.p == nullptr && model.r == nullptr;
  check_matrix(model.q0, h + 1, h + 1, "q0");
  check_task<T>(sizes, task);
  check_base<T>(sizes, model);
  if (scored) check_matrix(task.scores, sizes.examples, B, "scores");
  lowrank(sizes, model, task, head, losses, conditioning);
  check_result(losses, sizes.steps + 1, "losses");
  check_result(conditioning, 2, "conditioning");
  check_head_result<T>(sizes, head, scored ? B : d);
}

template <class T>
void fold(const Sizes& sizes, const Model<T>& model, const T* w_novel_data, Head<T>& head) {
  check_label_sizes(sizes);
  check_transform<T>(sizes, model);
  check_inference<T>(sizes, model);
  const int64_t N = sizes.labels, d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
  check_matrix(w_novel_data, d, N, "w_novel");
  const View<T> w_novel(w_novel_data, d, N);
  const Matrix<T> w2_tilde = with_bias_row(sizes, model.w2, model.b2);

  std::copy_n(model.w1, d * h, head.w1);
  std::copy_n(model.b1, h, head.b1);
  multiply<T>(w2_tilde, w_novel).copy_to(head.v);
  multiply<T>(w2_tilde, transposed<T>(w2_tilde)).copy_to(head.q);
  multiply<T>({model.w_base, d, B}, multiply<T>({model.w_i, B, d}, w_novel)).copy_to(head.m);
  head.gamma1 = model.gamma1;
  head.gamma2 = model.gamma2;
  check_head_result<T>(sizes, head, d);
}

template <class T>
void head_logits(const Sizes& sizes, const Head<T>& head, const T* r, const T* scores, const T* z,
                 T* logits) {
  check_label_sizes(sizes);
  const int64_t S = sizes.examples, N = sizes.labels, d = sizes.dimension, h = sizes.hidden,
                B = sizes.base_labels;
  const bool scored = r == nullptr;
  check_size(S, 0, "sizes.examples");
  if (scored) {
    check_size(B, 1, "sizes.base_labels");
    check_matrix(scores, S, B, "scores");
  } else {
    check_matrix(r, d, d, "r");
  }
  check_matrix(head.w1, d, h, "w1");
  check_vector(head.b1, h, "b1");
  check_matrix(head.v, h + 1, N, "v");
  check_matrix(head.q, h + 1, h + 1, "q");
  check_matrix(head.m, scored ? B : d, N, "m");
  check_scalar(head.gamma1, "gamma1");
  check_scalar(head.gamma2, "gamma2");
  check_matrix(z, S, d, "z");
  desire_edge::head_logits<T>(sizes, head, r, scores, z).copy_to(logits);
  check_result(logits, S * N, "logits");
}

template void adapt_dense<float>(const Sizes&, const Model<float>&, const Task<float>&, Weights<float>&,
                                 float*);
template void adapt_dense<double>(const Sizes&, const Model<double>&, const Task<double>&, Weights<double>&,
                                  double*);
template void adapt_lowrank<float>(const Sizes&, const LowrankModel<float>&, const Task<float>&, Head<float>&,
                                   float*, float*);
template void adapt_lowrank<double>(const Sizes&, const LowrankModel<double>&, const Task<double>&,
                                    Head<double>&, double*, double*);
template void fold<float>(const Sizes&, const Model<float>&, const float*, Head<float>&);
template void fold<double>(const Sizes&, const Model<double>&, const double*, Head<double>&);
template void head_logits<float>(const Sizes&, const Head<float>&, const float*, const float*, const float*,
                                 float*);
template void head_logits<double>(const Sizes&, const Head<double>&, const double*, const double*,
                                  const double*, double*);

}  // namespace desire_edge::reference
