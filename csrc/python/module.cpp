// The Python module desire_edge._core: numpy arrays to the C ABI and back, no arithmetic of its own.
#include <memory>
#include <utility>

#include "abi.h"
#include "arrays.h"

namespace desire_edge::python {
namespace {

using namespace py::literals;
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

const Axis kStepColumns{"5", DESIRE_EDGE_STEP_COLUMNS}, kConditioning{"2", 2},
    kThresholdWeights{"5", DESIRE_EDGE_THRESHOLD_WEIGHTS};

// W_Z and the factors.
template <class T>
typename Abi<T>::Model transform(const Axes& axes, Object w1, Object b1, Object w2, Object b2, Object gamma1,
                                 Object gamma2) {
  const auto& [S, N, d, h, B, steps] = axes;
  typename Abi<T>::Model model{};
  model.w1 = elements<T>(w1, "w1", {d, h});
  model.b1 = elements<T>(b1, "b1", {h});
  model.w2 = elements<T>(w2, "w2", {h, d});
  model.b2 = elements<T>(b2, "b2", {d});
  model.gamma1 = static_cast<T>(number(gamma1, "gamma1"));
  model.gamma2 = static_cast<T>(number(gamma2, "gamma2"));
  return model;
}

template <class T>
void add_inference(Axes& axes, typename Abi<T>::Model& model, Object w_base, Object w_i) {
  axes.B.size = matrix_size(w_base, "w_base", 1);
  model.w_base = elements<T>(w_base, "w_base", {axes.d, axes.B});
  model.w_i = elements<T>(w_i, "w_i", {axes.B, axes.d});
}

// p and r, or where these are None w_i.
template <class T>
void add_base(const Axes& axes, typename Abi<T>::Model& model, Object p, Object r, Object w_i) {
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
typename Abi<T>::Task support(Axes& axes, Object z, Object targets, Object mask, Object step_sizes) {
  typename Abi<T>::Task task{};
  task.z = features<T>(axes, z);
  task.targets = elements<T>(targets, "targets", {axes.S, axes.N});
  task.mask = elements<T>(mask, "mask", {axes.S, axes.N});
  axes.T.size = matrix_size(step_sizes, "step_sizes", 0);
  task.step_sizes = elements<T>(step_sizes, "step_sizes", {axes.T, kStepColumns});
  return task;
}

// The array `name` of a result: a new one, or that of an earlier result to write over.
template <class T>
T* result_array(py::dict& result, const char* name, const std::vector<Axis>& expected) {
  if (!result.contains(name)) {
    std::vector<py::ssize_t> shape;
    for (const Axis& axis : expected) shape.push_back(axis.size);
    result[name] = py::array_t<T>(shape);
  }
  const py::object array = result[name];
  elements<T>(array, name, expected);
  return py::reinterpret_borrow<py::array_t<T>>(array).mutable_data();
}

// A head's arrays in a result, for the C ABI to fill; m has `rows_of_m` rows.
template <class T>
typename Abi<T>::Head head_arrays(py::dict& result, const Axes& axes, const Axis& rows_of_m) {
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

py::array project(Object z, Object w1, Object b1, Object w2, Object b2, Object gamma1, Object gamma2,
                  Object w_base, Object w_i, Object w_novel) {
  return with_dtype_of(w1, [&](auto element) -> py::array {
    using T = decltype(element);
    Axes axes(w1);
    auto model = transform<T>(axes, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* z_data = features<T>(axes, z);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    py::array_t<T> logits({axes.S.size, axes.N.size});
    const desire_edge_sizes sizes = axes.sizes();
    T* logits_data = logits.mutable_data();
    run([&](char* error, size_t capacity) {
      return Abi<T>::project(&sizes, &model, w_novel_data, z_data, logits_data, error, capacity);
    });
    return logits;
  });
}

py::dict adapt_dense(Object z, Object targets, Object mask, Object w_novel, Object step_sizes, Object w1,
                     Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object w_base,
                     Object w_i) {
  return with_dtype_of(w1, [&](auto element) {
    using T = decltype(element);
    Axes axes(w1);
    auto model = transform<T>(axes, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    auto task = support<T>(axes, z, targets, mask, step_sizes);
    task.w_novel = w_novel_data;
    const desire_edge_sizes sizes = axes.sizes();
    const int64_t d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
    py::array_t<T> new_w1({d, h}), new_b1(h), new_w2({h, d}), new_b2(d), new_w_i({B, d}),
        losses(sizes.steps + 1);
    typename Abi<T>::Weights adapted{new_w1.mutable_data(),
                                     new_b1.mutable_data(),
                                     new_w2.mutable_data(),
                                     new_b2.mutable_data(),
                                     new_w_i.mutable_data(),
                                     0,
                                     0};
    T* losses_data = losses.mutable_data();
    run([&](char* error, size_t capacity) {
      return Abi<T>::adapt_dense(&sizes, &model, &task, &adapted, losses_data, error, capacity);
    });
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
    auto model = transform<T>(axes, w1, b1, w2, b2, gamma1, gamma2);
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
    run([&](char* error, size_t capacity) {
      return Abi<T>::adapt_lowrank(&sizes, &model, &task, &head, losses, conditioning, error, capacity);
    });
    set_factors(result, head);
    return result;
  });
}

py::dict fold(Object w1, Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object w_base,
              Object w_i, Object w_novel) {
  return with_dtype_of(w1, [&](auto element) {
    using T = decltype(element);
    Axes axes(w1);
    auto model = transform<T>(axes, w1, b1, w2, b2, gamma1, gamma2);
    add_inference<T>(axes, model, w_base, w_i);
    const T* w_novel_data = label_vectors<T>(axes, w_novel);
    py::dict result;
    auto head = head_arrays<T>(result, axes, axes.d);
    const desire_edge_sizes sizes = axes.sizes();
    run([&](char* error, size_t capacity) {
      return Abi<T>::fold(&sizes, &model, w_novel_data, &head, error, capacity);
    });
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
    const typename Abi<T>::Head head{read(elements<T>(w1, "w1", {axes.d, axes.h})),
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
    run([&](char* error, size_t capacity) {
      return Abi<T>::head_logits(&sizes, &head, r_data, scores_data, z_data, logits_data, error, capacity);
    });
    return logits;
  });
}

desire_edge_adapt_options options(const std::string& form, bool keep_lowest) {
  constexpr std::pair<const char*, desire_edge_form> forms[] = {{"auto", DESIRE_EDGE_FORM_AUTO},
                                                                {"pairs", DESIRE_EDGE_FORM_PAIRS},
                                                                {"gram", DESIRE_EDGE_FORM_GRAM},
                                                                {"weights", DESIRE_EDGE_FORM_WEIGHTS}};
  for (const auto& [name, value] : forms) {
    if (form == name) return {value, keep_lowest ? 1 : 0};
  }
  throw py::value_error("form is '" + form + "', expected auto, pairs, gram or weights");
}

// What raise() would raise, to be returned.
py::object exception_of(desire_edge_status status, const char* error) {
  const auto type = [&]() -> py::object {
    switch (status) {
      case DESIRE_EDGE_INVALID_ARGUMENT:
        return py::reinterpret_borrow<py::object>(PyExc_ValueError);
      case DESIRE_EDGE_DIVERGED:
        return py::module_::import("desire_edge._core").attr("DivergedError");
      case DESIRE_EDGE_OUT_OF_MEMORY:
        return py::reinterpret_borrow<py::object>(PyExc_MemoryError);
      default:
        return py::reinterpret_borrow<py::object>(PyExc_RuntimeError);
    }
  }();
  return type(error);
}

template <class Handle>
using Owned = std::unique_ptr<Handle, void (*)(Handle*)>;

class Labels {
 public:
  Labels(const desire_edge_model* model, Axes axes, Object w_novel)
      : handle_(nullptr, desire_edge_labels_destroy) {
    const float* data = label_vectors<float>(axes, w_novel);
    count_ = axes.N.size;
    desire_edge_labels* handle = nullptr;
    run([&](char* error, size_t capacity) {
      return desire_edge_labels_create(model, count_, data, &handle, error, capacity);
    });
    handle_.reset(handle);
  }
  const desire_edge_labels* handle() const { return handle_.get(); }
  int64_t count() const { return count_; }

 private:
  Owned<desire_edge_labels> handle_;
  int64_t count_;
};

class Model {
 public:
  Model(Object w1, Object b1, Object w2, Object b2, Object gamma1, Object gamma2, Object q0, Object p,
        Object r, Object w_i)
      : axes_(w1), scored_(!w_i.is_none()), handle_(nullptr, desire_edge_model_destroy) {
    auto arrays = transform<float>(axes_, w1, b1, w2, b2, gamma1, gamma2);
    arrays.q0 = elements<float>(q0, "q0", {axes_.h_tilde(), axes_.h_tilde()});
    if (p.is_none() != scored_ || r.is_none() != scored_) {
      throw py::value_error("give p and r, or w_i, and not parts of both");
    }
    if (scored_) axes_.B.size = matrix_size(w_i, "w_i", 0);
    add_base<float>(axes_, arrays, p, r, w_i);
    const desire_edge_sizes sizes = axes_.sizes();
    desire_edge_model* handle = nullptr;
    run([&](char* error, size_t capacity) {
      return desire_edge_model_create(&sizes, &arrays, &handle, error, capacity);
    });
    handle_.reset(handle);
  }

  Labels labels(Object w_novel) const { return {handle_.get(), axes_, w_novel}; }

  py::dict adapt(const Labels& labels, Object z, Object targets, Object mask, Object step_sizes,
                 Object scores, const std::string& form, bool keep_lowest, Object out) const {
    Axes axes = axes_;
    axes.N.size = labels.count();
    py::dict result = out.is_none() ? py::dict() : out.cast<py::dict>();
    const desire_edge_adapt_options chosen = options(form, keep_lowest);
    const desire_edge_support support = read_support(axes, z, targets, mask, step_sizes, scores);
    desire_edge_adapted adapted = outputs(axes, result);
    run([&](char* error, size_t capacity) {
      const size_t bytes = desire_edge_adapt_workspace(handle_.get(), support.examples, labels.count(),
                                                       support.steps, chosen.form);
      const std::unique_ptr<char[]> workspace(new (std::nothrow) char[bytes]);
      if (workspace == nullptr) return DESIRE_EDGE_OUT_OF_MEMORY;
      return desire_edge_adapt(handle_.get(), labels.handle(), &support, &chosen, workspace.get(), bytes,
                               &adapted, error, capacity);
    });
    finish(adapted, result);
    return result;
  }

  // A result, or the exception that says why there is none, for each task.
  py::list adapt_many(const py::list& tasks, int64_t threads, const std::string& form,
                      bool keep_lowest) const {
    const desire_edge_adapt_options chosen = options(form, keep_lowest);
    std::vector<desire_edge_job> jobs(tasks.size());
    std::vector<py::dict> results(tasks.size());
    for (size_t i = 0; i < jobs.size(); ++i) {
      const auto task = tasks[i].cast<py::dict>();
      const auto argument = [&](const char* name) -> py::object {
        return task.contains(name) ? py::object(task[name]) : py::none();
      };
      Axes axes = axes_;
      jobs[i].w_novel = label_vectors<float>(axes, argument("w_novel"));
      jobs[i].label_count = axes.N.size;
      jobs[i].support = read_support(axes, argument("z"), argument("targets"), argument("mask"),
                                     argument("step_sizes"), argument("scores"));
      jobs[i].adapted = outputs(axes, results[i]);
    }
    run([&](char* error, size_t capacity) {
      return desire_edge_adapt_many(handle_.get(), &chosen, jobs.data(), static_cast<int64_t>(jobs.size()),
                                    threads, error, capacity);
    });
    py::list list;
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].status == DESIRE_EDGE_OK) {
        finish(jobs[i].adapted, results[i]);
        list.append(results[i]);
      } else {
        list.append(exception_of(jobs[i].status, jobs[i].error));
      }
    }
    return list;
  }

 private:
  desire_edge_support read_support(Axes& axes, Object z, Object targets, Object mask, Object step_sizes,
                                   Object scores) const {
    if (scores.is_none() == scored_) {
      throw py::value_error(scored_ ? "give scores: the model was made with w_i"
                                    : "the model takes no scores");
    }
    const auto task = support<float>(axes, z, targets, mask, step_sizes);
    return {axes.S.size,
            axes.T.size,
            task.z,
            task.targets,
            task.mask,
            task.step_sizes,
            scored_ ? elements<float>(scores, "scores", {axes.S, axes.B}) : nullptr};
  }

  desire_edge_adapted outputs(const Axes& axes, py::dict& result) const {
    desire_edge_adapted adapted{};
    adapted.head = head_arrays<float>(result, axes, scored_ ? axes.B : axes.d);
    adapted.losses = result_array<float>(result, "losses", {axes.losses()});
    adapted.logits = result_array<float>(result, "logits", {axes.S, axes.N});
    return adapted;
  }

  static void finish(const desire_edge_adapted& adapted, py::dict& result) {
    set_factors(result, adapted.head);
    result["steps"] = adapted.steps;
    result["conditioning"] = py::make_tuple(adapted.conditioning[0], adapted.conditioning[1]);
  }

  Axes axes_;
  bool scored_;
  Owned<desire_edge_model> handle_;
};

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

PYBIND11_MODULE(_core, module) {
  using py::arg;
  using py::kw_only;
  // The signatures stand in the docstrings, where inspect.signature finds them.
  py::options options;
  options.disable_function_signatures();

  module.doc() = R"(Eq. (1), its adaptation and its folded head on numpy arrays: the C++ core of desire-edge.

Source: Wang, Duan, Liu, Tao, "Multi-label Few-shot Learning with Semantic Inference" (AAAI 2021). S examples, N labels,
d the dimension of features and word vectors, h hidden units, B base labels, T steps. All arrays of a call are
C-contiguous numpy arrays of one dtype, float32 or float64, which is also the result's; gamma1 and gamma2 are floats.
A wrong type, dtype, layout, shape or value raises ValueError naming the argument; a result that is not finite raises
DivergedError, a ValueError. The GIL is released while the core computes, and any number of threads may call at once.)";

  py::register_exception<Diverged>(module, "DivergedError", PyExc_ValueError);

  module.def("version", &desire_edge_version, R"(version()
--

The core's version, "MAJOR.MINOR.PATCH".)");

  module.def("project", &project, kw_only(), arg("z"), arg("w1"), arg("b1"), arg("w2"), arg("b2"),
             arg("gamma1"), arg("gamma2"), arg("w_base"), arg("w_i"), arg("w_novel"),
             R"(project(*, z, w1, b1, w2, b2, gamma1, gamma2, w_base, w_i, w_novel)
--

The l2-normalised projection, Eq. (1): logits [S, N].

z [S, d]; w1 [d, h], b1 [h], w2 [h, d], b2 [d]; w_base [d, B]; w_i [B, d]; w_novel [d, N].)");

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

  // Not pybind11's own metaclass, which a stub cannot name and static properties alone would need.
  const py::metaclass plain(reinterpret_cast<PyObject*>(&PyType_Type));

  py::class_<Labels>(module, "Labels", plain,
                     "What depends on a label set alone, prepared for a Model by its labels().")
      .def_property_readonly("count", &Labels::count, "N.");

  py::class_<Model>(module, "Model", plain,
                    R"(A model packed for the low-rank form in float32, constant once made.

Any number of threads may use it at once. All its arrays are float32.)")
      .def(py::init<Object, Object, Object, Object, Object, Object, Object, Object, Object, Object>(),
           kw_only(), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"), arg("gamma2"), arg("q0"),
           arg("p") = py::none(), arg("r") = py::none(), arg("w_i") = py::none(),
           R"(__init__(self, *, w1, b1, w2, b2, gamma1, gamma2, q0, p=None, r=None, w_i=None)
--

Arrays as for adapt_lowrank. With w_i [B, d] in place of p and r, its tasks give scores.)")
      .def("labels", &Model::labels, py::keep_alive<0, 1>(), arg("w_novel"), R"(labels(self, w_novel)
--

Prepare labels with the word vectors w_novel [d, N].)")
      .def(
          "adapt", &Model::adapt, arg("labels"), kw_only(), arg("z"), arg("targets"), arg("mask"),
          arg("step_sizes"), arg("scores") = py::none(), arg("form") = "auto", arg("keep_lowest") = false,
          arg("out") = py::none(),
          R"(adapt(self, labels, *, z, targets, mask, step_sizes, scores=None, form='auto', keep_lowest=False, out=None)
--

What adapt_lowrank does, for labels that labels() prepared.

form is what the steps change: "pairs", "gram", "weights", or "auto" for the cheapest; the results differ by rounding.
With keep_lowest the head is that of the step with the lowest loss, the last of several, and steps after one whose loss
is not finite are not taken: their losses are infinite. out is an earlier result of the same sizes, to be written over.
Returns a dict of the head, losses [T + 1], logits [S, N], which the head gives z, conditioning, a pair of floats, and
steps, how many the head has taken.)")
      .def("adapt_many", &Model::adapt_many, arg("tasks"), kw_only(), arg("threads"), arg("form") = "auto",
           arg("keep_lowest") = false,
           R"(adapt_many(self, tasks, *, threads, form='auto', keep_lowest=False)
--

adapt for a list of independent tasks on up to so many threads, with the same bits.

A task is a dict of w_novel and of adapt's arrays. Returns a list: for each task adapt's dict, or the exception that
adapt would have raised, which leaves the other tasks alone. Arrays of wrong shapes raise before any task is run.)");
}

}  // namespace desire_edge::python
