// numpy arrays in, pointers out: type, dtype, layout and shape are checked here; values are checked by the C
// ABI.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
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

inline std::string text(const char* symbol) { return symbol; }
inline std::string text(int64_t size) { return std::to_string(size); }

template <class Item>
std::string bracketed(const std::vector<Item>& items) {
  std::string result = "[";
  for (const Item& item : items) result += (result.size() > 1 ? ", " : "") + text(item);
  return result + "]";
}

inline std::string shape_text(const py::array& array) {
  return bracketed(std::vector<int64_t>(array.shape(), array.shape() + array.ndim()));
}

inline std::string dtype_text(const py::dtype& dtype) { return py::str(dtype).cast<std::string>(); }

inline std::string type_text(const py::object& value) {
  return py::type::of(value).attr("__name__").cast<std::string>();
}

inline py::array as_array(const py::object& value, const char* name) {
  if (!py::isinstance<py::array>(value)) {
    throw py::value_error(std::string(name) + " is a " + type_text(value) + ", expected a numpy array");
  }
  return py::reinterpret_borrow<py::array>(value);
}

inline double number(const py::object& value, const char* name) {
  const double result = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw py::value_error(std::string(name) + " is a " + type_text(value) + ", expected a number");
  }
  return result;
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
  const py::dtype wanted = py::dtype::of<T>();
  if (!array.dtype().is(wanted) && !array.dtype().equal(wanted)) {  // the builtin dtypes are one object each
    throw py::value_error(std::string(name) + " has dtype " + dtype_text(array.dtype()) + ", expected " +
                          dtype_text(wanted) + ": all arrays of a call share one dtype");
  }
  const auto same = [](const Axis& axis, py::ssize_t size) { return axis.size == size; };
  if (!std::equal(expected.begin(), expected.end(), array.shape(), array.shape() + array.ndim(), same)) {
    std::vector<const char*> symbols;
    std::vector<int64_t> sizes;
    for (const Axis& axis : expected) {
      symbols.push_back(axis.symbol);
      sizes.push_back(axis.size);
    }
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", expected " +
                          bracketed(symbols) + " = " + bracketed(sizes));
  }
  constexpr int needed = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((array.flags() & needed) != needed) {
    throw py::value_error(std::string(name) +
                          " is not C-contiguous and aligned: pass numpy.ascontiguousarray(" + name + ")");
  }
  return static_cast<const T*>(array.data());
}

// Returns call(T()) with T the dtype of w1, which decides the variant.
template <class Call>
auto with_dtype_of(const py::object& w1, Call call) {
  const py::dtype dtype = as_array(w1, "w1").dtype();
  if (dtype.equal(py::dtype::of<float>())) return call(float());
  if (dtype.equal(py::dtype::of<double>())) return call(double());
  throw py::value_error("w1 has dtype " + dtype_text(dtype) + ", expected float32 or float64");
}

}  // namespace desire_edge::python
