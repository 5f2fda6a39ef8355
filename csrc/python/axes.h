// The arrays of a call and of its result: their axes, and pointers for the C ABI.
#pragma once

#include <memory>
#include <vector>

#include "abi.h"
#include "arrays.h"
#include "pool.h"
#include "types.h"

namespace desire_edge::python {

using Object = const py::object&;

// The sizes a call learns from its arrays, and the axes whose lengths they are.
struct Axes {
  Axis S{"S", 0}, N{"N", 0}, d{"d", 0}, h{"h", 0}, B{"B", 0}, T{"T", 0};

  Axes() = default;
  explicit Axes(Object w1) {
    d.size = matrix_size(w1, "w1", 0);
    h.size = matrix_size(w1, "w1", 1);
  }
  Axis h_tilde() const { return {"h + 1", h.size + 1}; }
  Axis losses() const { return {"T + 1", T.size + 1}; }
  desire_edge_sizes sizes() const { return {S.size, N.size, d.size, h.size, B.size, T.size}; }
};

inline const Axis kStepColumns{"5", DESIRE_EDGE_STEP_COLUMNS}, kConditioning{"2", 2},
    kThresholdWeights{"5", DESIRE_EDGE_THRESHOLD_WEIGHTS};

template <class Handle>
using Owned = std::unique_ptr<Handle, void (*)(Handle*)>;

inline void check_ways(int64_t ways, int64_t labels) {
  if (ways >= labels && ways <= DESIRE_EDGE_MAX_SIZE) return;
  throw py::value_error("ways is " + std::to_string(ways) + ", expected N = " + std::to_string(labels) +
                        " to " + std::to_string(DESIRE_EDGE_MAX_SIZE));
}

// W_Z and the factors.
template <class T>
void add_transform(const Axes& axes, Model<T>& model, Object w1, Object b1, Object w2, Object b2,
                   Object gamma1, Object gamma2) {
  const auto& [S, N, d, h, B, steps] = axes;
  model.w1 = elements<T>(w1, "w1", {d, h});
  model.b1 = elements<T>(b1, "b1", {h});
  model.w2 = elements<T>(w2, "w2", {h, d});
  model.b2 = elements<T>(b2, "b2", {d});
  model.gamma1 = static_cast<T>(number(gamma1, "gamma1"));
  model.gamma2 = static_cast<T>(number(gamma2, "gamma2"));
}

template <class T>
void add_inference(Axes& axes, Model<T>& model, Object w_base, Object w_i) {
  axes.B.size = matrix_size(w_base, "w_base", 1);
  model.w_base = elements<T>(w_base, "w_base", {axes.d, axes.B});
  model.w_i = elements<T>(w_i, "w_i", {axes.B, axes.d});
}

// p and r, or where these are None w_i.
template <class T>
void add_base(const Axes& axes, LowrankModel<T>& model, Object p, Object r, Object w_i) {
  if (p.is_none()) {
    model.w_i = elements<T>(w_i, "w_i", {axes.B, axes.d});
  } else {
    model.p = elements<T>(p, "p", {axes.d, axes.d});
    model.r = elements<T>(r, "r", {axes.d, axes.d});
  }
}

template <class T>
const T* features(Axes& axes, Object z) {
  axes.S.size = matrix_size(z, "z", 0);
  return elements<T>(z, "z", {axes.S, axes.d});
}

template <class T>
const T* label_vectors(Axes& axes, Object w_novel) {
  axes.N.size = matrix_size(w_novel, "w_novel", 1);
  return elements<T>(w_novel, "w_novel", {axes.d, axes.N});
}

// A task of labels that `axes` has already.
template <class T>
Task<T> support(Axes& axes, Object z, Object targets, Object mask, Object step_sizes) {
  Task<T> task{};
  task.z = features<T>(axes, z);
  task.targets = elements<T>(targets, "targets", {axes.S, axes.N});
  task.mask = elements<T>(mask, "mask", {axes.S, axes.N});
  axes.T.size = matrix_size(step_sizes, "step_sizes", 0);
  task.step_sizes = elements<T>(step_sizes, "step_sizes", {axes.T, kStepColumns});
  return task;
}

inline Pool& pool() {
  static const auto shared = std::make_shared<Pool>();
  return *shared;
}

// The array `name` of a result: a new one, or that of an earlier result to write over.
template <class T>
T* result_array(py::dict& result, const char* name, const std::vector<Axis>& expected) {
  if (!result.contains(name)) {
    std::vector<py::ssize_t> shape;
    for (const Axis& axis : expected) shape.push_back(axis.size);
    result[name] = pool().array<T>(shape);
  }
  const py::object array = result[name];
  elements<T>(array, name, expected);
  return py::reinterpret_borrow<py::array_t<T>>(array).mutable_data();
}

// A head's arrays in a result, for the C ABI to fill; m has `rows_of_m` rows.
template <class T>
Head<T> head_arrays(py::dict& result, const Axes& axes, const Axis& rows_of_m) {
  return {result_array<T>(result, "w1", {axes.d, axes.h}),
          result_array<T>(result, "b1", {axes.h}),
          result_array<T>(result, "v", {axes.h_tilde(), axes.N}),
          result_array<T>(result, "q", {axes.h_tilde(), axes.h_tilde()}),
          result_array<T>(result, "m", {rows_of_m, axes.N}),
          0,
          0};
}

template <class Head>
void set_factors(py::dict& result, const Head& head) {
  result["gamma1"] = head.gamma1;
  result["gamma2"] = head.gamma2;
}

}  // namespace desire_edge::python
