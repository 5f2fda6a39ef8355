// The C ABI's handles: a packed model, its labels, and adaptation to one task or to many.
#include "handles.h"

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "guard.h"

namespace desire_edge {
namespace {

Form form_of(const PackedModel& model, desire_edge_form form, int64_t examples, int64_t steps) {
  switch (form) {
    case DESIRE_EDGE_FORM_AUTO:
      return cheapest_form(model, examples, steps);
    case DESIRE_EDGE_FORM_PAIRS:
      return Form::pairs;
    case DESIRE_EDGE_FORM_GRAM:
      return Form::gram;
    case DESIRE_EDGE_FORM_WEIGHTS:
      return Form::weights;
  }
  refuse("options.form is " + std::to_string(form) + ", expected a desire_edge_form");
}

// An adaptation whose arguments are checked.
class Adaptation {
 public:
  Adaptation(const PackedModel& model, int64_t labels, const Support& support,
             const desire_edge_adapt_options& options, desire_edge_adapted& adapted)
      : model_(model), support_(support), options_(options), adapted_(adapted), labels_(labels) {
    const int64_t S = support.examples, T = support.steps;
    check_size(S, 0, "support.examples");
    check_size(T, 0, "support.steps");
    check_support<float>(support, S, labels, model.d, T);
    if (model.takes_scores) check_matrix(support.scores, S, model.width, "scores");
    check_head_arrays(adapted.head, labels, model.d, model.h, model.width);
    check_pointer(adapted.losses, T + 1, "losses");
    form_ = form_of(model, options.form, S, T);
  }

  size_t bytes() const { return inner_loop_bytes(model_, support_.examples, labels_, support_.steps, form_); }

  void run(const Labels& labels, Arena& arena) const {
    const InnerLoopResult result = run_inner_loop(model_, labels, support_, form_, options_.keep_lowest != 0,
                                                  arena, adapted_.head, adapted_.losses, adapted_.logits);
    adapted_.steps = result.steps;
    std::copy_n(result.conditioning, 2, adapted_.conditioning);
  }

 private:
  const PackedModel& model_;
  const Support& support_;
  const desire_edge_adapt_options& options_;
  desire_edge_adapted& adapted_;
  int64_t labels_;
  Form form_;
};

// What a model that is to learn is given beside what is packed; none where it is not to.
std::optional<Rules> rules_of(const Sizes& sizes, const Model<float>& arrays) {
  if (arrays.threshold_weights == nullptr) return std::nullopt;
  const int64_t d = sizes.dimension, B = sizes.base_labels;
  check_vector(arrays.threshold_weights, DESIRE_EDGE_THRESHOLD_WEIGHTS, "threshold_weights");
  check_size(sizes.steps, 0, "sizes.steps");
  check_matrix(arrays.step_sizes, sizes.steps, DESIRE_EDGE_STEP_COLUMNS, "step_sizes");
  Rules rules;
  std::copy_n(arrays.threshold_weights, DESIRE_EDGE_THRESHOLD_WEIGHTS, rules.threshold_weights.data());
  rules.step_sizes.assign(arrays.step_sizes, arrays.step_sizes + sizes.steps * DESIRE_EDGE_STEP_COLUMNS);
  if (arrays.p == nullptr) {
    check_matrix(arrays.w_base, d, B, "w_base");
    rules.w_base.assign(arrays.w_base, arrays.w_base + d * B);
  }
  return rules;
}

constexpr desire_edge_adapt_options kDefaultOptions = {DESIRE_EDGE_FORM_AUTO, 0};

const Labels& labels_of(const desire_edge_model& model, const desire_edge_labels& labels) {
  if (labels.model != &model) refuse("labels were made for another model");
  return labels.prepared;
}

// Memory that grows to what the largest of a thread's tasks needs.
class Workspace {
 public:
  Arena arena(size_t bytes) {
    if (bytes > bytes_) {
      block_.reset();
      bytes_ = 0;
      block_ = std::make_unique<Block>(bytes);
      bytes_ = bytes;
    }
    return Arena(block_->data());
  }

 private:
  std::unique_ptr<Block> block_;
  size_t bytes_ = 0;
};

void run_job(const desire_edge_model& model, const desire_edge_adapt_options& options, Workspace& workspace,
             desire_edge_job& job) {
  const PackedModel& packed = model.packed();
  if (job.labels != nullptr) {
    const Labels& labels = labels_of(model, *job.labels);
    const Adaptation adaptation(packed, labels.count, job.support, options, job.adapted);
    Arena arena = workspace.arena(adaptation.bytes());
    adaptation.run(labels, arena);
  } else {
    check_labels(packed, job.label_count, job.w_novel);
    const Adaptation adaptation(packed, job.label_count, job.support, options, job.adapted);
    Arena arena = workspace.arena(labels_bytes(packed, job.label_count) + adaptation.bytes());
    const Labels labels(packed, job.label_count, job.w_novel, arena);
    adaptation.run(labels, arena);
  }
}

// Calls run() on up to `count` threads, this one among them: fewer where the system has no more.
template <class Run>
void on_threads(int64_t count, Run run) {
  std::vector<std::thread> others;
  try {
    while (static_cast<int64_t>(others.size()) + 1 < count) others.emplace_back(run);
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  run();
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace desire_edge

using namespace desire_edge;

const char* desire_edge_kernels(size_t index) {
  const Kernels* kernels = kernels_at(index);
  return kernels == nullptr ? nullptr : kernels->name;
}

desire_edge_status desire_edge_model_create(const desire_edge_sizes* sizes,
                                            const desire_edge_model_f32* arrays, desire_edge_model** model,
                                            char* error, size_t error_capacity) {
  if (model != nullptr) *model = nullptr;
  return guarded(error, error_capacity, [&] {
    check_pointer(sizes, 1, "sizes");
    check_size(sizes->dimension, 1, "sizes.dimension");
    check_size(sizes->hidden, 1, "sizes.hidden");
    check_pointer(arrays, 1, "model");
    check_transform<float>(*sizes, *arrays);
    check_matrix(arrays->q0, sizes->hidden + 1, sizes->hidden + 1, "q0");
    check_base<float>(*sizes, *arrays);
    check_pointer(model, 1, "model");
    *model = new desire_edge_model{
        std::make_unique<PaperModel>(*sizes, *arrays, chosen_kernels(), rules_of(*sizes, *arrays)), nullptr};
  });
}

void desire_edge_model_destroy(desire_edge_model* model) { delete model; }

desire_edge_status desire_edge_labels_create(const desire_edge_model* model, int64_t count,
                                             const float* w_novel, desire_edge_labels** labels, char* error,
                                             size_t error_capacity) {
  if (labels != nullptr) *labels = nullptr;
  return guarded(error, error_capacity, [&] {
    check_pointer(model, 1, "model");
    check_labels(model->packed(), count, w_novel);
    check_pointer(labels, 1, "labels");
    *labels = new desire_edge_labels(*model, count, w_novel);
  });
}

void desire_edge_labels_destroy(desire_edge_labels* labels) { delete labels; }

size_t desire_edge_adapt_workspace(const desire_edge_model* model, int64_t examples, int64_t labels,
                                   int64_t steps, desire_edge_form form) {
  size_t bytes = 0;
  guarded(nullptr, 0, [&] {
    check_pointer(model, 1, "model");
    check_size(examples, 0, "examples");
    check_size(labels, 1, "labels");
    check_size(steps, 0, "steps");
    bytes = form == DESIRE_EDGE_FORM_AUTO ? inner_loop_bytes(model->packed(), examples, labels, steps)
                                          : inner_loop_bytes(model->packed(), examples, labels, steps,
                                                             form_of(model->packed(), form, examples, steps));
  });
  return bytes;
}

desire_edge_status desire_edge_adapt(const desire_edge_model* model, const desire_edge_labels* labels,
                                     const desire_edge_support* support,
                                     const desire_edge_adapt_options* options, void* workspace,
                                     size_t workspace_bytes, desire_edge_adapted* adapted, char* error,
                                     size_t error_capacity) {
  return guarded(error, error_capacity, [&] {
    check_pointer(model, 1, "model");
    check_pointer(labels, 1, "labels");
    check_pointer(support, 1, "support");
    check_pointer(adapted, 1, "adapted");
    check_pointer(workspace, 1, "workspace");
    const Labels& prepared = labels_of(*model, *labels);
    const Adaptation adaptation(model->packed(), prepared.count, *support,
                                options == nullptr ? kDefaultOptions : *options, *adapted);
    if (workspace_bytes < adaptation.bytes()) {
      refuse("workspace_bytes is " + std::to_string(workspace_bytes) + ", expected " +
             std::to_string(adaptation.bytes()) + " or more, as desire_edge_adapt_workspace says");
    }
    Arena arena(workspace);
    adaptation.run(prepared, arena);
  });
}

desire_edge_status desire_edge_adapt_many(const desire_edge_model* model,
                                          const desire_edge_adapt_options* options, desire_edge_job* jobs,
                                          int64_t count, int64_t threads, char* error,
                                          size_t error_capacity) {
  return guarded(error, error_capacity, [&] {
    check_pointer(model, 1, "model");
    check_size(count, 0, "count");
    check_pointer(jobs, count, "jobs");
    check_size(threads, 1, "threads");
    std::atomic<int64_t> next(0);
    on_threads(std::min(threads, count), [&] {
      Workspace workspace;
      for (int64_t i = next++; i < count; i = next++) {
        jobs[i].status = guarded(jobs[i].error, sizeof jobs[i].error, [&] {
          run_job(*model, options == nullptr ? kDefaultOptions : *options, workspace, jobs[i]);
        });
      }
    });
  });
}
