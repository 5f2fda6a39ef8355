// The parts of the module, each defined in a file of its own.
#pragma once

#include <pybind11/pybind11.h>

namespace desire_edge::python {

void define_functions(pybind11::module_& module);
void define_handles(pybind11::module_& module);
void define_prior(pybind11::module_& module);
void define_references(pybind11::module_& module);

}  // namespace desire_edge::python
