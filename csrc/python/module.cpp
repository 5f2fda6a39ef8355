// The Python module desire_edge._core: numpy arrays to the C ABI and back, no arithmetic of its own.
#include <array>
#include <stdexcept>
#include <string>

#include "arrays.h"
#include "desire_edge.h"

namespace desire_edge::python {
namespace {

using Object = const py::object&;

template <class T>
struct Abi;

template <>
struct Abi<float> {
  using Model = desire_edge_model_f32;
  using Task = desire_edge_task_f32;
  using Weights = desire_edge_weights_f32;
  static constexpr auto project = desire_edge_project_f32;
  static constexpr auto adapt_dense = desire_edge_adapt_dense_f32;
};

template <>
struct Abi<double> {
  using Model = desire_edge_model_f64;
  using Task = desire_edge_task_f64;
  using Weights = desire_edge_weights_f64;
  static constexpr auto project = desire_edge_project_f64;
  static constexpr auto adapt_dense = desire_edge_adapt_dense_f64;
};

// DESIRE_EDGE_DIVERGED, in Python DivergedError, a ValueError.
class Diverged : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Calls a function of the C ABI without the GIL, with room for its error sentence; raises what its status
// says.
template <class Call>
void run(Call call) {
  std::array<char, 256> error;
  desire_edge_status status;
  {
    py::gil_scoped_release released;
    status = call(error.data(), error.size());
  }
  switch (status) {
    case DESIRE_EDGE_OK:
      return;
    case DESIRE_EDGE_INVALID_ARGUMENT:
      throw py::value_error(error.data());
    case DESIRE_EDGE_DIVERGED:
      throw Diverged(error.data());
    case DESIRE_EDGE_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case DESIRE_EDGE_INTERNAL_ERROR:
      break;
  }
  throw std::runtime_error(error.data());
}

desire_edge_sizes sizes_of(Object z, Object w1, Object w_novel) {
  desire_edge_sizes sizes{};
  sizes.examples = matrix_size(z, "z", 0);
  sizes.dimension = matrix_size(z, "z", 1);
  sizes.hidden = matrix_size(w1, "w1", 1);
  sizes.labels = matrix_size(w_novel, "w_novel", 1);
  return sizes;
}

// W_Z and the factors.
template <class T>
typename Abi<T>::Model transform(const desire_edge_sizes& sizes, Object w1, Object b1, Object w2, Object b2,
                                 double gamma1, double gamma2) {
  const Axis d{"d", sizes.dimension}, h{"h", sizes.hidden};
  typename Abi<T>::Model model{};
  model.w1 = elements<T>(w1, "w1", {d, h});
  model.b1 = elements<T>(b1, "b1", {h});
  model.w2 = elements<T>(w2, "w2", {h, d});
  model.b2 = elements<T>(b2, "b2", {d});
  model.gamma1 = static_cast<T>(gamma1);
  model.gamma2 = static_cast<T>(gamma2);
  return model;
}

template <class T>
void add_inference(typename Abi<T>::Model& model, desire_edge_sizes& sizes, Object w_base, Object w_i) {
  sizes.base_labels = matrix_size(w_base, "w_base", 1);
  const Axis d{"d", sizes.dimension}, B{"B", sizes.base_labels};
  model.w_base = elements<T>(w_base, "w_base", {d, B});
  model.w_i = elements<T>(w_i, "w_i", {B, d});
}

template <class T>
typename Abi<T>::Task task_of(desire_edge_sizes& sizes, Object z, Object targets, Object mask, Object w_novel,
                              Object step_sizes) {
  sizes.steps = matrix_size(step_sizes, "step_sizes", 0);
  const Axis S{"S", sizes.examples}, N{"N", sizes.labels}, d{"d", sizes.dimension}, T_{"T", sizes.steps};
  typename Abi<T>::Task task{};
  task.z = elements<T>(z, "z", {S, d});
  task.targets = elements<T>(targets, "targets", {S, N});
  task.mask = elements<T>(mask, "mask", {S, N});
  task.w_novel = elements<T>(w_novel, "w_novel", {d, N});
  task.step_sizes = elements<T>(step_sizes, "step_sizes", {T_, {"5", DESIRE_EDGE_STEP_COLUMNS}});
  return task;
}

py::array project(Object z, Object w1, Object b1, Object w2, Object b2, double gamma1, double gamma2,
                  Object w_base, Object w_i, Object w_novel) {
  return with_dtype_of(z, [&](auto element) -> py::array {
    using T = decltype(element);
    desire_edge_sizes sizes = sizes_of(z, w1, w_novel);
    auto model = transform<T>(sizes, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(model, sizes, w_base, w_i);
    const Axis S{"S", sizes.examples}, N{"N", sizes.labels}, d{"d", sizes.dimension};
    const T* labels = elements<T>(w_novel, "w_novel", {d, N});
    const T* features = elements<T>(z, "z", {S, d});
    auto logits = output<T>({S.size, N.size});
    T* logits_data = logits.mutable_data();
    run([&](char* error, size_t capacity) {
      return Abi<T>::project(&sizes, &model, labels, features, logits_data, error, capacity);
    });
    return logits;
  });
}

py::dict adapt_dense(Object z, Object targets, Object mask, Object w_novel, Object step_sizes, Object w1,
                     Object b1, Object w2, Object b2, double gamma1, double gamma2, Object w_base,
                     Object w_i) {
  return with_dtype_of(z, [&](auto element) {
    using T = decltype(element);
    desire_edge_sizes sizes = sizes_of(z, w1, w_novel);
    auto model = transform<T>(sizes, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(model, sizes, w_base, w_i);
    const auto task = task_of<T>(sizes, z, targets, mask, w_novel, step_sizes);
    const int64_t d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
    auto w1_out = output<T>({d, h}), b1_out = output<T>({h}), w2_out = output<T>({h, d}),
         b2_out = output<T>({d});
    auto w_i_out = output<T>({B, d}), losses = output<T>({sizes.steps + 1});
    typename Abi<T>::Weights adapted{w1_out.mutable_data(),
                                     b1_out.mutable_data(),
                                     w2_out.mutable_data(),
                                     b2_out.mutable_data(),
                                     w_i_out.mutable_data(),
                                     T(0),
                                     T(0)};
    T* losses_data = losses.mutable_data();
    run([&](char* error, size_t capacity) {
      return Abi<T>::adapt_dense(&sizes, &model, &task, &adapted, losses_data, error, capacity);
    });
    using namespace py::literals;
    return py::dict("w1"_a = w1_out, "b1"_a = b1_out, "w2"_a = w2_out, "b2"_a = b2_out, "w_i"_a = w_i_out,
                    "gamma1"_a = adapted.gamma1, "gamma2"_a = adapted.gamma2, "losses"_a = losses);
  });
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  using py::arg;
  m.doc() = "The C++ core of desire-edge: Eq. (1) and its adaptation, on numpy arrays.";
  py::register_exception<Diverged>(m, "DivergedError", PyExc_ValueError);
  m.def("version", &desire_edge_version);
  m.def("project", &project, py::kw_only(), arg("z"), arg("w1"), arg("b1"), arg("w2"), arg("b2"),
        arg("gamma1"), arg("gamma2"), arg("w_base"), arg("w_i"), arg("w_novel"));
  m.def("adapt_dense", &adapt_dense, py::kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
        arg("step_sizes"), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"), arg("gamma2"),
        arg("w_base"), arg("w_i"));
}

}  // namespace desire_edge::python
