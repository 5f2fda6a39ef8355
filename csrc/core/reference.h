// The plain references that tests hold the rest to: adaptation and the folded head without handles, in both
// precisions. Not part of the C ABI: neither installed nor exported. Arguments and results are checked as
// there, and what is refused is thrown as a Failure.
#pragma once

#include "types.h"

namespace desire_edge::reference {

// T SGD steps on the loss of desire_edge_adapt in the model's own form, whose cost grows with B. Reads all
// sizes, the task but for its scores, and the model's w1, b1, w2, b2, gamma1, gamma2, w_base, w_i.
//   adapted: output;
//   losses [T + 1]: output, the loss before each step and after the last.
template <class T>
void adapt_dense(const Sizes& sizes, const Model<T>& model, const Task<T>& task, Weights<T>& adapted,
                 T* losses);

// The same in low-rank form, straight to the folded head. Reads S, N, d, h, T, the task but for its scores,
// and the model's w1, b1, w2, b2, gamma1, gamma2, p, r, q0; where p and r are NULL, B, the task's scores and
// w_i in their place. In double plainly; in float as desire_edge_adapt.
//   head: output, its m of d rows, or of B rows where p and r are NULL;
//   losses [T + 1]: output;
//   conditioning [2]: output, before adaptation and after it.
template <class T>
void adapt_lowrank(const Sizes& sizes, const LowrankModel<T>& model, const Task<T>& task, Head<T>& head,
                   T* losses, T* conditioning);

// The folded head of a model, adapted or not. Reads N, d, h, B and the model's w1, b1, w2, b2, gamma1,
// gamma2, w_base, w_i.
//   w_novel [d, N]: input;
//   head: output.
template <class T>
void fold(const Sizes& sizes, const Model<T>& model, const T* w_novel, Head<T>& head);

// Logits of a folded head. Reads S, N, d, h and the whole head. Where r is NULL, B and scores are read in its
// place, and the head's m has B rows.
//   r [d, d], scores [S, B], z [S, d]: inputs;
//   logits [S, N]: output.
template <class T>
void head_logits(const Sizes& sizes, const Head<T>& head, const T* r, const T* scores, const T* z, T* logits);

// The head `prior` in double: a model's arrays and a task's, as desire_edge_prior_f32 and
// desire_edge_learn_input have them, and what comes of it.
struct PriorArrays {
  const double *name_mean, *name_map, *r, *inference, *scalars;
};
struct PriorTask {
  int64_t examples, labels;
  const double *z, *targets, *mask, *w_novel, *known_labels;
};
struct PriorHead {
  double *l, *m, *b, *logits;
  double* losses;  // [2]
};

// Plain products, and the solver that learning uses.
void adapt_prior(const desire_edge_prior_sizes& sizes, const PriorArrays& model, const PriorTask& task,
                 const PriorHead& head);

}  // namespace desire_edge::reference
