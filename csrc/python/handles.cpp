// The C ABI's handles as classes.
#include <algorithm>
#include <memory>
#include <utility>

#include "axes.h"
#include "define.h"

namespace desire_edge::python {
namespace {

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
        Object r, Object w_i, Object w_base, Object step_sizes, Object threshold_weights)
      : axes_(w1), takes_scores_(!w_i.is_none()), handle_(nullptr, desire_edge_model_destroy) {
    desire_edge_model_f32 arrays{};
    add_transform<float>(axes_, arrays, w1, b1, w2, b2, gamma1, gamma2);
    arrays.q0 = elements<float>(q0, "q0", {axes_.h_tilde(), axes_.h_tilde()});
    if (p.is_none() != takes_scores_ || r.is_none() != takes_scores_) {
      throw py::value_error("give p and r, or w_i, and not parts of both");
    }
    if (takes_scores_) axes_.B.size = matrix_size(w_i, "w_i", 0);
    add_base<float>(axes_, arrays, p, r, w_i);
    if (!threshold_weights.is_none()) {
      arrays.threshold_weights = elements<float>(threshold_weights, "threshold_weights", {kThresholdWeights});
      axes_.T.size = matrix_size(step_sizes, "step_sizes", 0);
      arrays.step_sizes = elements<float>(step_sizes, "step_sizes", {axes_.T, kStepColumns});
      if (takes_scores_) arrays.w_base = elements<float>(w_base, "w_base", {axes_.d, axes_.B});
    }
    const desire_edge_sizes sizes = axes_.sizes();
    desire_edge_model* handle = nullptr;
    run([&](char* error, size_t capacity) {
      return desire_edge_model_create(&sizes, &arrays, &handle, error, capacity);
    });
    handle_.reset(handle);
  }

  Labels labels(Object w_novel) const { return {handle_.get(), axes_, w_novel}; }

  py::dict learn(Object z, Object targets, Object mask, Object w_novel, int64_t ways,
                 Object known_labels) const {
    Axes axes = axes_;
    desire_edge_learn_input input{};
    input.w_novel = label_vectors<float>(axes, w_novel);
    input.z = features<float>(axes, z);
    input.targets = elements<float>(targets, "targets", {axes.S, axes.N});
    input.mask = elements<float>(mask, "mask", {axes.S, axes.N});
    if (!known_labels.is_none()) {
      if (!takes_scores_) throw py::value_error("known_labels are given, but the model does not use them");
      input.known_labels = elements<float>(known_labels, "known_labels", {axes.S, axes.B});
    }
    check_ways(ways, axes.N.size);
    input.examples = axes.S.size;
    input.labels = axes.N.size;
    input.ways = ways;

    py::dict result;
    const Axis columns{"ways", ways}, size = axes.h_tilde();
    desire_edge_learned learned{};
    learned.w1 = result_array<float>(result, "w1", {axes.d, size});
    learned.b1 = result_array<float>(result, "b1", {size});
    learned.v = result_array<float>(result, "v", {size, columns});
    learned.q = result_array<float>(result, "q", {size, size});
    learned.m = result_array<float>(result, "m", {takes_scores_ ? axes.B : axes.d, columns});
    learned.used = result_array<float>(result, "used", {columns});
    learned.losses = result_array<float>(result, "losses", {axes.losses()});
    learned.logits = result_array<float>(result, "logits", {axes.S, axes.N});
    learned.thresholds = result_array<double>(result, "thresholds", {axes.N});
    run([&](char* error, size_t capacity) {
      return desire_edge_learn(handle_.get(), &input, &learned, error, capacity);
    });
    result["steps"] = learned.steps;
    result["conditioning"] = learned.conditioning;
    return result;
  }

  py::dict adapt(const Labels& labels, Object z, Object targets, Object mask, Object step_sizes,
                 Object scores, const std::string& form, bool keep_lowest, Object out) const {
    Axes axes = axes_;
    axes.N.size = labels.count();
    py::dict result = out.is_none() ? py::dict() : out.cast<py::dict>();
    const desire_edge_adapt_options chosen = options(form, keep_lowest);
    const desire_edge_support support = read_support(axes, z, targets, mask, step_sizes, scores);
    desire_edge_adapted adapted = outputs(axes, result);
    const size_t bytes = desire_edge_adapt_workspace(handle_.get(), support.examples, labels.count(),
                                                     support.steps, chosen.form);
    const std::shared_ptr<void> workspace = pool().take(std::max<size_t>(bytes, 1));
    run([&](char* error, size_t capacity) {
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
    if (scores.is_none() == takes_scores_) {
      throw py::value_error(takes_scores_ ? "give scores: the model was made with w_i"
                                          : "the model takes no scores");
    }
    const auto task = support<float>(axes, z, targets, mask, step_sizes);
    return {axes.S.size,
            axes.T.size,
            task.z,
            task.targets,
            task.mask,
            task.step_sizes,
            takes_scores_ ? elements<float>(scores, "scores", {axes.S, axes.B}) : nullptr};
  }

  desire_edge_adapted outputs(const Axes& axes, py::dict& result) const {
    desire_edge_adapted adapted{};
    adapted.head = head_arrays<float>(result, axes, takes_scores_ ? axes.B : axes.d);
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
  bool takes_scores_;
  Owned<desire_edge_model> handle_;
};

}  // namespace

void define_handles(py::module_& module) {
  using py::arg;
  using py::kw_only;

  // Not pybind11's own metaclass, which a stub cannot name and static properties alone would need.
  const py::metaclass plain(reinterpret_cast<PyObject*>(&PyType_Type));

  py::class_<Labels>(module, "Labels", plain,
                     "What depends on a label set alone, prepared for a Model by its labels().")
      .def_property_readonly("count", &Labels::count, "N.");

  py::class_<Model>(module, "Model", plain,
                    R"(A model packed for the low-rank form in float32, constant once made.

Any number of threads may use it at once. All its arrays are float32.)")
      .def(py::init<Object, Object, Object, Object, Object, Object, Object, Object, Object, Object, Object,
                    Object, Object>(),
           kw_only(), arg("w1"), arg("b1"), arg("w2"), arg("b2"), arg("gamma1"), arg("gamma2"), arg("q0"),
           arg("p") = py::none(), arg("r") = py::none(), arg("w_i") = py::none(), arg("w_base") = py::none(),
           arg("step_sizes") = py::none(), arg("threshold_weights") = py::none(),
           R"(__init__(self, *, w1, b1, w2, b2, gamma1, gamma2, q0, p=None, r=None, w_i=None, w_base=None,
         step_sizes=None, threshold_weights=None)
--

w1 [d, h], b1 [h], w2 [h, d], b2 [d]; q0 [h + 1, h + 1] = [w2; b2] [w2; b2]^T; p [d, d] = w_base w_i and r [d, d] with
r^T r = w_base w_base^T. Or, in place of p and r, w_i [B, d]: a model that uses known labels. To learn it needs
threshold_weights [THRESHOLD_WEIGHTS], step_sizes [T, 5], for the loss's sum over labels, and, if it uses known labels,
w_base [d, B].)")
      .def("learn", &Model::learn, kw_only(), arg("z"), arg("targets"), arg("mask"), arg("w_novel"),
           arg("ways"), arg("known_labels") = py::none(),
           R"(learn(self, *, z, targets, mask, w_novel, ways, known_labels=None)
--

Teach the model labels: what a device does, see desire_edge_learn in desire_edge.h.

z [S, d]; targets and mask [S, N] in [0, 1], the mask 1 where a target is known; w_novel [d, N]; ways >= N; known_labels
[S, B] of 0 and 1, for a model that uses them. Returns a dict of what head.onnx reads beside z, for so many ways:
w1 [d, h + 1], b1 [h + 1], v [h + 1, ways], q [h + 1, h + 1], m [d, ways] or [B, ways], used [ways]; and of
losses [T + 1], of which the first steps + 1 are those before each step kept and after the last, logits [S, N],
thresholds [N], steps, and conditioning.)")
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
