// Models with the head `prior`: the handle as a class, and the plain reference in double.
#include "axes.h"
#include "define.h"
#include "guard.h"
#include "reference.h"

namespace desire_edge::python {
namespace {

const Axis kScalars{"21", DESIRE_EDGE_PRIOR_SCALARS};

// The sizes of a model and of a task, and the axes whose lengths they are.
struct PriorAxes {
  Axis S{"S", 0}, N{"N", 0}, d{"d", 0}, d_w{"d_w", 0}, k{"k", 0};

  desire_edge_prior_sizes sizes(bool uses_known_labels) const {
    return {d.size, d_w.size, k.size, uses_known_labels ? 1 : 0};
  }
};

// The arrays of a model but for its threshold weights.
template <class T, class Arrays>
PriorAxes add_model(Arrays& arrays, Object name_mean, Object name_map, Object r, Object inference,
                    Object scalars) {
  PriorAxes axes;
  axes.d.size = matrix_size(r, "r", 0);
  axes.k.size = matrix_size(r, "r", 1);
  axes.d_w.size = matrix_size(inference, "inference", 1);
  arrays.r = elements<T>(r, "r", {axes.d, axes.k});
  arrays.inference = elements<T>(inference, "inference", {axes.k, axes.d_w});
  arrays.name_mean = elements<T>(name_mean, "name_mean", {axes.d_w});
  if (!name_map.is_none()) arrays.name_map = elements<T>(name_map, "name_map", {axes.d, axes.d_w});
  arrays.scalars = elements<T>(scalars, "scalars", {kScalars});
  return axes;
}

// The arrays of a task.
template <class T, class Input>
void add_task(PriorAxes& axes, Input& input, bool uses_known_labels, Object z, Object targets, Object mask,
              Object w_novel, Object known_labels) {
  axes.N.size = matrix_size(w_novel, "w_novel", 1);
  axes.S.size = matrix_size(z, "z", 0);
  input.w_novel = elements<T>(w_novel, "w_novel", {axes.d_w, axes.N});
  input.z = elements<T>(z, "z", {axes.S, axes.d});
  input.targets = elements<T>(targets, "targets", {axes.S, axes.N});
  input.mask = elements<T>(mask, "mask", {axes.S, axes.N});
  if (!known_labels.is_none()) {
    if (!uses_known_labels) throw py::value_error("known_labels are given, but the model does not use them");
    input.known_labels = elements<T>(known_labels, "known_labels", {axes.S, axes.k});
  }
  input.examples = axes.S.size;
  input.labels = axes.N.size;
}

class PriorModel {
 public:
  PriorModel(Object name_mean, Object r, Object inference, Object scalars, Object threshold_weights,
             Object name_map, bool known_labels)
      : uses_known_labels_(known_labels), handle_(nullptr, desire_edge_model_destroy) {
    desire_edge_prior_f32 arrays{};
    axes_ = add_model<float>(arrays, name_mean, name_map, r, inference, scalars);
    arrays.threshold_weights = elements<float>(threshold_weights, "threshold_weights", {kThresholdWeights});
    const desire_edge_prior_sizes sizes = axes_.sizes(known_labels);
    desire_edge_model* handle = nullptr;
    run([&](char* error, size_t capacity) {
      return desire_edge_prior_create(&sizes, &arrays, &handle, error, capacity);
    });
    handle_.reset(handle);
  }

  py::dict learn(Object z, Object targets, Object mask, Object w_novel, int64_t ways,
                 Object known_labels) const {
    PriorAxes axes = axes_;
    desire_edge_learn_input input{};
    add_task<float>(axes, input, uses_known_labels_, z, targets, mask, w_novel, known_labels);
    check_ways(ways, axes.N.size);
    input.ways = ways;
    const Axis columns{"ways", ways};
    py::dict result;
    desire_edge_learned learned{};
    learned.l = result_array<float>(result, "l", {axes.d, columns});
    learned.m = result_array<float>(result, "m", {axes.k, columns});
    learned.b = result_array<float>(result, "b", {columns});
    learned.alpha = result_array<float>(result, "alpha", {axes.S, axes.N});
    learned.used = result_array<float>(result, "used", {columns});
    learned.losses = result_array<float>(result, "losses", {{"2", 2}});
    learned.logits = result_array<float>(result, "logits", {axes.S, axes.N});
    learned.thresholds = result_array<double>(result, "thresholds", {axes.N});
    run([&](char* error, size_t capacity) {
      return desire_edge_learn(handle_.get(), &input, &learned, error, capacity);
    });
    result["steps"] = learned.steps;
    result["conditioning"] = learned.conditioning;
    return result;
  }

  double held_out_loss(Object z, Object targets, Object mask, Object w_novel, Object known_labels) const {
    PriorAxes axes = axes_;
    desire_edge_learn_input input{};
    add_task<float>(axes, input, uses_known_labels_, z, targets, mask, w_novel, known_labels);
    input.ways = axes.N.size;
    double loss = 0;
    run([&](char* error, size_t capacity) {
      return desire_edge_held_out_loss(handle_.get(), &input, &loss, error, capacity);
    });
    return loss;
  }

 private:
  bool uses_known_labels_;
  PriorAxes axes_;
  Owned<desire_edge_model> handle_;
};

py::dict adapt_prior(Object z, Object targets, Object mask, Object w_novel, Object name_mean, Object r,
                     Object inference, Object scalars, Object name_map, Object known_labels) {
  reference::PriorArrays model{};
  reference::PriorTask task{};
  PriorAxes axes = add_model<double>(model, name_mean, name_map, r, inference, scalars);
  add_task<double>(axes, task, true, z, targets, mask, w_novel, known_labels);
  py::dict result;
  const reference::PriorHead head{result_array<double>(result, "l", {axes.d, axes.N}),
                                  result_array<double>(result, "m", {axes.k, axes.N}),
                                  result_array<double>(result, "b", {axes.N}),
                                  result_array<double>(result, "logits", {axes.S, axes.N}),
                                  result_array<double>(result, "losses", {{"2", 2}})};
  const desire_edge_prior_sizes sizes = axes.sizes(true);
  run([&](char* error, size_t capacity) {
    return guarded(error, capacity, [&] { reference::adapt_prior(sizes, model, task, head); });
  });
  return result;
}

}  // namespace

void define_prior(py::module_& module) {
  using py::arg;
  using py::kw_only;

  // See define_handles.
  const py::metaclass plain(reinterpret_cast<PyObject*>(&PyType_Type));
  module.attr("PRIOR_SCALARS") = DESIRE_EDGE_PRIOR_SCALARS;

  py::class_<PriorModel> type(module, "PriorModel", plain,
                              R"(A model with the head `prior`, packed, constant once made.

Any number of threads may use it at once. All its arrays are float32.)");
  type.def(
          py::init<Object, Object, Object, Object, Object, Object, bool>(), kw_only(), arg("name_mean"),
          arg("r"), arg("inference"), arg("scalars"), arg("threshold_weights"), arg("name_map") = py::none(),
          arg("known_labels") = false,
          R"(__init__(self, *, name_mean, r, inference, scalars, threshold_weights, name_map=None, known_labels=False)
--

name_mean [d_w]; r [d, k]; inference [k, d_w]; scalars [PRIOR_SCALARS]; threshold_weights [THRESHOLD_WEIGHTS];
name_map [d, d_w], None for the identity, where d = d_w. With known_labels, k is B, the number of base labels, and
examples may be told those that they carry. desire_edge.h says what it all is.)")
      .def("learn", &PriorModel::learn, kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
           arg("ways"), arg("known_labels") = py::none(),
           R"(learn(self, *, z, targets, mask, w_novel, ways, known_labels=None)
--

Teach the model labels: what a device does, see desire_edge_prior_create and desire_edge_learn in desire_edge.h.

z [S, d]; targets and mask [S, N] in [0, 1], the mask 1 where a target is known; w_novel [d_w, N]; ways >= N;
known_labels [S, k] of 0 and 1, for a model that uses them. Returns a dict of what head.onnx reads beside z, for so many
ways: l [d, ways], m [k, ways], b [ways], used [ways]; and of losses [2], before the examples and after, of which the
first steps + 1 count, logits [S, N], alpha [S, N], thresholds [N], steps, 1, or 0 where no target is known, and conditioning, 0.)");

  type.def("held_out_loss", &PriorModel::held_out_loss, kw_only(), arg("z"), arg("targets"), arg("mask"),
           arg("w_novel"), arg("known_labels") = py::none(),
           R"(held_out_loss(self, *, z, targets, mask, w_novel, known_labels=None)
--

Whether examples help: the mean cross-entropy of each, predicted after learning from the others. Arguments as of learn.
-1 where there are too few examples to tell, or too many to try; see desire_edge_held_out_loss in desire_edge.h.)");

  module.def(
      "adapt_prior", &adapt_prior, kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
      arg("name_mean"), arg("r"), arg("inference"), arg("scalars"), arg("name_map") = py::none(),
      arg("known_labels") = py::none(),
      R"(adapt_prior(*, z, targets, mask, w_novel, name_mean, r, inference, scalars, name_map=None, known_labels=None)
--

What PriorModel.learn computes, plainly and in float64 throughout, on the solver that it uses.

Shapes as there; known_labels are over their norm where a row has any. Returns a dict of l [d, N], m [k, N], b [N],
logits [S, N] and losses [2].)");
}

}  // namespace desire_edge::python
