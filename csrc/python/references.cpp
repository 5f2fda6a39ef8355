// The core's plain references, which are no part of its C ABI: what tests hold the rest to.
#include "axes.h"
#include "define.h"
#include "guard.h"
#include "reference.h"

namespace desire_edge::python {
namespace {

using namespace py::literals;

// Runs call() as the C ABI would.
template <class Call>
void run_reference(Call call) {
  run([&](char* error, size_t capacity) { return guarded(error, capacity, call); });
}

py::dict adapt_dense(Object z, Object targets, Object mask, Object w_novel, Object step_sizes, Object w1,
                     Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object w_base,
                     Object w_i) {
  return with_dtype_of(w1, [&](auto element) {
    using T = decltype(element);
    Axes axes(w1);
    Model<T> model{};
    add_transform<T>(axes, model, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    auto task = support<T>(axes, z, targets, mask, step_sizes);
    task.w_novel = w_novel_data;
    const desire_edge_sizes sizes = axes.sizes();
    const int64_t d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
    py::array_t<T> new_w1({d, h}), new_b1(h), new_w2({h, d}), new_b2(d), new_w_i({B, d}),
        losses(sizes.steps + 1);
    Weights<T> adapted{new_w1.mutable_data(),
                       new_b1.mutable_data(),
                       new_w2.mutable_data(),
                       new_b2.mutable_data(),
                       new_w_i.mutable_data(),
                       0,
                       0};
    T* losses_data = losses.mutable_data();
    run_reference([&] { reference::adapt_dense<T>(sizes, model, task, adapted, losses_data); });
    return py::dict("w1"_a = new_w1, "b1"_a = new_b1, "w2"_a = new_w2, "b2"_a = new_b2, "w_i"_a = new_w_i,
                    "gamma1"_a = adapted.gamma1, "gamma2"_a = adapted.gamma2, "losses"_a = losses);
  });
}

py::dict adapt_lowrank(Object z, Object targets, Object mask, Object w_novel, Object step_sizes, Object w1,
                       Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object q0, Object p,
                       Object r, Object scores, Object w_i) {
  return with_dtype_of(w1, [&](auto element) {
    using T = decltype(element);
    Axes axes(w1);
    LowrankModel<T> model{};
    add_transform<T>(axes, model, w1, b1, w2, b2, gamma1, gamma2);
    model.q0 = elements<T>(q0, "q0", {axes.h_tilde(), axes.h_tilde()});
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    auto task = support<T>(axes, z, targets, mask, step_sizes);
    task.w_novel = w_novel_data;
    const bool scored = !scores.is_none();
    if (w_i.is_none() == scored || p.is_none() != scored || r.is_none() != scored) {
      throw py::value_error("give p and r, or scores and w_i, and not parts of both");
    }
    if (scored) {
      axes.B.size = matrix_size(scores, "scores", 1);
      task.scores = elements<T>(scores, "scores", {axes.S, axes.B});
    }
    add_base<T>(axes, model, p, r, w_i);
    py::dict result;
    auto head = head_arrays<T>(result, axes, scored ? axes.B : axes.d);
    const desire_edge_sizes sizes = axes.sizes();
    T* losses = result_array<T>(result, "losses", {axes.losses()});
    T* conditioning = result_array<T>(result, "conditioning", {kConditioning});
    run_reference([&] { reference::adapt_lowrank<T>(sizes, model, task, head, losses, conditioning); });
    set_factors(result, head);
    return result;
  });
}

py::dict fold(Object w1, Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object w_base,
              Object w_i, Object w_novel) {
  return with_dtype_of(w1, [&](auto element) {
    using T = decltype(element);
    Axes axes(w1);
    Model<T> model{};
    add_transform<T>(axes, model, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    py::dict result;
    auto head = head_arrays<T>(result, axes, axes.d);
    const desire_edge_sizes sizes = axes.sizes();
    run_reference([&] { reference::fold<T>(sizes, model, w_novel_data, head); });
    set_factors(result, head);
    return result;
  });
}

py::array head_logits(Object z, Object w1, Object b1, Object v, Object q, Object m, Object gamma1,
                      Object gamma2, Object r, Object scores) {
  return with_dtype_of(w1, [&](auto element) -> py::array {
    using T = decltype(element);
    Axes axes(w1);
    axes.N.size = matrix_size(m, "m", 1);
    const bool scored = !scores.is_none();
    if (r.is_none() != scored) throw py::value_error("give r, or scores, and not both");
    if (scored) axes.B.size = matrix_size(scores, "scores", 1);
    // One struct serves heads that are written and heads that are read; here it is read.
    const auto read = [](const T* data) { return const_cast<T*>(data); };
    const Head<T> head{read(elements<T>(w1, "w1", {axes.d, axes.h})),
                       read(elements<T>(b1, "b1", {axes.h})),
                       read(elements<T>(v, "v", {axes.h_tilde(), axes.N})),
                       read(elements<T>(q, "q", {axes.h_tilde(), axes.h_tilde()})),
                       read(elements<T>(m, "m", {scored ? axes.B : axes.d, axes.N})),
                       static_cast<T>(number(gamma1, "gamma1")),
                       static_cast<T>(number(gamma2, "gamma2"))};
    const T* z_data = features<T>(axes, z);
    const T* r_data = scored ? nullptr : elements<T>(r, "r", {axes.d, axes.d});
    const T* scores_data = scored ? elements<T>(scores, "scores", {axes.S, axes.B}) : nullptr;
    py::array_t<T> logits({axes.S.size, axes.N.size});
    const desire_edge_sizes sizes = axes.sizes();
    T* logits_data = logits.mutable_data();
    run_reference([&] { reference::head_logits<T>(sizes, head, r_data, scores_data, z_data, logits_data); });
    return logits;
  });
}

}  // namespace

void define_references(py::module_& module) {
  using py::arg;
  using py::kw_only;

  module.def(
      "adapt_dense", &adapt_dense, kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
      arg("step_sizes"), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"), arg("gamma2"),
      arg("w_base"), arg("w_i"),
      R"(adapt_dense(*, z, targets, mask, w_novel, step_sizes, w1, b1, w2, b2, gamma1, gamma2, w_base, w_i)
--

T SGD steps on the support set's loss in the model's own form: the plain reference, whose cost grows with B.

The loss is sum(mask * BCEWithLogits) / sum(mask), and 0 where the mask sums to 0. z [S, d]; targets [S, N] in [0, 1];
mask [S, N], weights >= 0; step_sizes [T, 5], a row a step: for w1 and b1, w2 and b2, w_i, gamma1, gamma2; the rest as
for project. Returns a dict of the adapted w1, b1, w2, b2, w_i, gamma1, gamma2, and losses [T + 1], before each step
and after the last.)");

  module.def(
      "adapt_lowrank", &adapt_lowrank, kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
      arg("step_sizes"), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"), arg("gamma2"), arg("q0"),
      arg("p") = py::none(), arg("r") = py::none(), arg("scores") = py::none(), arg("w_i") = py::none(),
      R"(adapt_lowrank(*, z, targets, mask, w_novel, step_sizes, w1, b1, w2, b2, gamma1, gamma2, q0, p=None,
              r=None, scores=None, w_i=None)
--

The same adaptation in low-rank form, straight to the folded head: exact up to rounding, at a cost without B.

p [d, d] = w_base w_i; r [d, d] with r^T r = w_base w_base^T; q0 [h + 1, h + 1] = [w2; b2] [w2; b2]^T; the rest as for
adapt_dense. Or scores [S, B], to stand for z w_base / ||z w_base||, and w_i in place of p and r: so can known base
labels stand in for those the model sees. Returns a dict of the head (see fold; m [B, N] = w_i w_novel where scores are
given), losses [T + 1], and conditioning [2]: the largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the support examples
before and after, 0 where S = 0. In float32 the result is good to 1e-5 while that stays below about 10 and d is 4 or
more; else use float64 (d 2 or more), or adapt_dense.)");

  module.def("fold", &fold, kw_only(), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"),
             arg("gamma2"), arg("w_base"), arg("w_i"), arg("w_novel"),
             R"(fold(*, w1, b1, w2, b2, gamma1, gamma2, w_base, w_i, w_novel)
--

The folded head of a model, adapted or not, for the labels of w_novel.

Shapes as for project. Returns a dict of w1, b1, gamma1, gamma2 as given, v [h + 1, N] = [w2; b2] w_novel,
q [h + 1, h + 1] = [w2; b2] [w2; b2]^T and m [d, N] = w_base w_i w_novel.)");

  module.def("head_logits", &head_logits, kw_only(), arg("z"), arg("w1"), arg("b1"), arg("v"), arg("q"),
             arg("m"), arg("gamma1"), arg("gamma2"), arg("r") = py::none(), arg("scores") = py::none(),
             R"(head_logits(*, z, w1, b1, v, q, m, gamma1, gamma2, r=None, scores=None)
--

Logits [S, N] of a folded head: gamma1 h~ v / sqrt(h~ q h~^T + 1e-12) + gamma2 z m / ||z r^T||, h~ = [relu(z w1 + b1), 1].

z [S, d]; r [d, d] with r^T r = w_base w_base^T; the head as fold and adapt_lowrank return it. Or, in place of r, the
scores [S, B] of these examples, for a head whose m is [B, N]: the second term is then gamma2 scores m.)");
}

}  // namespace desire_edge::python
