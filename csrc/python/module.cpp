// The Python module desire_edge._core: numpy arrays to the core and back, no arithmetic of its own.
#include "abi.h"
#include "define.h"

namespace desire_edge::python {

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
  // The signatures stand in the docstrings, where inspect.signature finds them.
  py::options options;
  options.disable_function_signatures();

  module.doc() = R"(Eq. (1), its adaptation and its folded head on numpy arrays: the C++ core of desire-edge.

Source: Wang, Duan, Liu, Tao, "Multi-label Few-shot Learning with Semantic Inference" (AAAI 2021). S examples, N labels,
d the dimension of features and word vectors, h hidden units, B base labels, T steps. All arrays of a call are
C-contiguous numpy arrays of one dtype, float32 or float64, which is also the result's; gamma1 and gamma2 are floats.
A wrong type, dtype, layout, shape or value raises ValueError naming the argument; a result that is not finite raises
DivergedError, a ValueError. The GIL is released while the core computes, and any number of threads may call at once.

Model.learn and PriorModel.learn are what a device does. adapt_dense, adapt_lowrank, adapt_prior, fold and head_logits
are plain references, for tests.)";

  py::register_exception<Diverged>(module, "DivergedError", PyExc_ValueError);

  module.def("version", &desire_edge_version, R"(version()
--

The core's version, "MAJOR.MINOR.PATCH".)");

  define_functions(module);
  define_handles(module);
  define_prior(module);
  define_references(module);
}

}  // namespace desire_edge::python
