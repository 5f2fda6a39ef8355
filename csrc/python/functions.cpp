// The C ABI's functions without handles.
#include "axes.h"
#include "define.h"

namespace desire_edge::python {
namespace {

desire_edge_status project_of(const Sizes* sizes, const Model<float>* model, const float* w_novel,
                              const float* z, float* logits, char* error, size_t capacity) {
  return desire_edge_project_f32(sizes, model, w_novel, z, logits, error, capacity);
}

desire_edge_status project_of(const Sizes* sizes, const Model<double>* model, const double* w_novel,
                              const double* z, double* logits, char* error, size_t capacity) {
  return desire_edge_project_f64(sizes, model, w_novel, z, logits, error, capacity);
}

py::array project(Object z, Object w1, Object b1, Object w2, Object b2, Object gamma1, Object gamma2,
                  Object w_base, Object w_i, Object w_novel) {
  return with_dtype_of(w1, [&](auto element) -> py::array {
    using T = decltype(element);
    Axes axes(w1);
    Model<T> model{};
    add_transform<T>(axes, model, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* z_data = features<T>(axes, z);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    py::array_t<T> logits({axes.S.size, axes.N.size});
    const desire_edge_sizes sizes = axes.sizes();
    T* logits_data = logits.mutable_data();
    run([&](char* error, size_t capacity) {
      return project_of(&sizes, &model, w_novel_data, z_data, logits_data, error, capacity);
    });
    return logits;
  });
}

py::array thresholds(Object logits, Object targets, Object mask, Object weights) {
  Axes axes;
  axes.S.size = matrix_size(logits, "logits", 0);
  axes.N.size = matrix_size(logits, "logits", 1);
  const std::vector<Axis> shape{axes.S, axes.N};
  const float* logits_data = elements<float>(logits, "logits", shape);
  const float* targets_data = elements<float>(targets, "targets", shape);
  const float* mask_data = elements<float>(mask, "mask", shape);
  const float* weights_data = elements<float>(weights, "weights", {kThresholdWeights});
  py::array_t<double> result(axes.N.size);
  double* data = result.mutable_data();
  run([&](char* error, size_t capacity) {
    return desire_edge_thresholds(axes.S.size, axes.N.size, logits_data, targets_data, mask_data,
                                  weights_data, data, error, capacity);
  });
  return result;
}

py::list kernels() {
  py::list names;
  for (size_t index = 0; desire_edge_kernels(index) != nullptr; ++index)
    names.append(desire_edge_kernels(index));
  return names;
}

}  // namespace

void define_functions(py::module_& module) {
  using py::arg;
  using py::kw_only;

  module.def("project", &project, kw_only(), arg("z"), arg("w1"), arg("b1"), arg("w2"), arg("b2"),
             arg("gamma1"), arg("gamma2"), arg("w_base"), arg("w_i"), arg("w_novel"),
             R"(project(*, z, w1, b1, w2, b2, gamma1, gamma2, w_base, w_i, w_novel)
--

The l2-normalised projection, Eq. (1): logits [S, N].

z [S, d]; w1 [d, h], b1 [h], w2 [h, d], b2 [d]; w_base [d, B]; w_i [B, d]; w_novel [d, N].)");

  module.attr("MAX_CONDITIONING") = DESIRE_EDGE_MAX_CONDITIONING;
  module.attr("THRESHOLD_WEIGHTS") = DESIRE_EDGE_THRESHOLD_WEIGHTS;
  module.def("thresholds", &thresholds, kw_only(), arg("logits"), arg("targets"), arg("mask"), arg("weights"),
             R"(thresholds(*, logits, targets, mask, weights)
--

The probability [N], float64, from which each label is said to hold: the sigmoid of a weighted sum of figures of its
support, kept 1e-6 away from 0 and 1.

logits [S, N] are what an adapted head gives the support examples; targets [S, N] in [0, 1]; mask [S, N] in [0, 1], where
a target is known; weights [THRESHOLD_WEIGHTS] learned with the model, of 1; and where a target of the label is known, of
1 again, the log odds of a positive (one of each kind added), and the mean and the standard deviation of the logits. All
are float32.)");

  module.def("kernels", &kernels, R"(kernels()
--

The names of the kernels that this CPU runs, the fastest first. A Model takes the first, or those that the environment
variable DESIRE_EDGE_KERNELS names.)");
}

}  // namespace desire_edge::python
