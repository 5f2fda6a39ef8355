// numpy arrays in, pointers out: dtype, layout and shape are checked here; values are checked by the C ABI.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

namespace desire_edge::python {

namespace py = pybind11;

// One axis of an expected shape: what it is called and how long it is.
struct Axis {
  const char* symbol;
  int64_t size;
};

template <class Range, class Text>
std::string bracketed(const Range& range, Text text) {
  std::string result = "[";
  for (const auto& item : range) result += (result.size() > 1 ? ", " : "") + std::string(text(item));
  return result + "]";
}

inline py::array as_array(const py::object& value, const char* name) {
  if (!py::isinstance<py::array>(value)) {
    throw py::value_error(std::string(name) + " is a " +
                          py::type::of(value).attr("__name__").cast<std::string>() +
                          ", expected a numpy array");
  }
  return py::reinterpret_borrow<py::array>(value);
}

inline std::string shape_text(const py::array& array) {
  const std::vector<py::ssize_t> shape(array.shape(), array.shape() + array.ndim());
  return bracketed(shape, [](py::ssize_t size) { return std::to_string(size); });
}

// The length of one axis of a matrix: where a size of the call comes from.
inline int64_t matrix_size(const py::object& value, const char* name, int axis) {
  const py::array array = as_array(value, name);
  if (array.ndim() != 2) {
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", expected two axes");
  }
  return array.shape(axis);
}

// The elements of a C-contiguous array of exactly this dtype and shape. Nothing is converted or copied.
template <class T>
const T* elements(const py::object& value, const char* name, const std::vector<Axis>& expected) {
  const py::array array = as_array(value, name);
  if (!array.dtype().equal(py::dtype::of<T>())) {
    throw py::value_error(std::string(name) + " has dtype " + py::str(array.dtype()).cast<std::string>() +
                          ", expected " + py::str(py::dtype::of<T>()).cast<std::string>() +
                          " as z has: all arrays of a call share one dtype, float32 or float64");
  }
  bool matches = array.ndim() == static_cast<py::ssize_t>(expected.size());
  for (size_t i = 0; matches && i < expected.size(); ++i) {
    matches = array.shape(static_cast<py::ssize_t>(i)) == expected[i].size;
  }
  if (!matches) {
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", expected " +
                          bracketed(expected, [](const Axis& axis) { return axis.symbol; }) + " = " +
                          bracketed(expected, [](const Axis& axis) { return std::to_string(axis.size); }));
  }
  constexpr int needed = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((array.flags() & needed) != needed) {
    throw py::value_error(std::string(name) + " is not C-contiguous: pass numpy.ascontiguousarray(" + name +
                          ")");
  }
  return static_cast<const T*>(array.data());
}

// Runs call(T()) with T the dtype of z, which decides the variant.
template <class Call>
auto with_dtype_of(const py::object& z, Call call) {
  const py::array array = as_array(z, "z");
  if (array.dtype().equal(py::dtype::of<float>())) return call(float());
  if (array.dtype().equal(py::dtype::of<double>())) return call(double());
  throw py::value_error("z has dtype " + py::str(array.dtype()).cast<std::string>() +
                        ", expected float32 or float64");
}

template <class T>
py::array_t<T> output(std::vector<py::ssize_t> shape) {
  return py::array_t<T>(std::move(shape));
}

}  // namespace desire_edge::python
