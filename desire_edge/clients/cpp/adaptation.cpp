#include "adaptation.h"

#include <desire_edge.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "error.h"

namespace app {
namespace {

constexpr double kEpsilon = 1e-6;  // of the model's norms

/* Throws what a call of the library refused; whether it did not diverge. */
bool stayed_finite(desire_edge_status status, const char* error, int64_t examples) {
  if (status == DESIRE_EDGE_OK) return true;
  if (status == DESIRE_EDGE_DIVERGED) return false;
  if (status == DESIRE_EDGE_OUT_OF_MEMORY) {
    refuse("invalid"_code, examples, " examples do not fit into this machine's memory; adapt with fewer");
  }
  refuse("invalid"_code, "the labels could not be learned: ", error);
}

/* Everything one adaptation reads, in float or in double. */
template <typename T>
struct Arguments {
  desire_edge_sizes sizes;
  std::map<std::string, std::vector<T>> model;
  std::vector<T> z, targets, mask, w_novel, steps, scores;

  const T* array(const char* name) const {
    const auto found = model.find(name);
    return found == model.end() ? nullptr : found->second.data();
  }
};

template <typename T, typename From>
std::vector<T> as(const std::vector<From>& values) {
  return std::vector<T>(values.begin(), values.end());
}

template <typename T>
Arguments<T> arguments(const Semantics& semantics, const Matrix& z, const Targets& support,
                       const Matrix& w_novel, const std::vector<double>& scores,
                       const std::vector<float>& steps) {
  Arguments<T> made = {{z.rows, w_novel.columns, semantics.dimension, semantics.hidden, semantics.base_labels,
                        static_cast<int64_t>(steps.size()) / DESIRE_EDGE_STEP_COLUMNS},
                       {},
                       as<T>(z.values),
                       as<T>(support.targets.values),
                       as<T>(support.mask.values),
                       as<T>(w_novel.values),
                       as<T>(steps),
                       as<T>(scores)};
  for (const char* name : {"w1", "b1", "w2", "b2", "gamma1", "gamma2", "q0"}) {
    made.model[name] = as<T>(semantics.arrays.at(name));
  }
  if (semantics.known_labels) {
    made.model["w_i"] = as<T>(semantics.arrays.at("w_i"));
  } else {
    made.model["p"] = as<T>(semantics.arrays.at("p"));
    made.model["r"] = as<T>(semantics.arrays.at("r"));
  }
  return made;
}

/* The base labels' scores over their norm, [S, B]: an example's known labels, or z W_base where there is
 * none. */
std::vector<double> base_scores(const Matrix& z, const std::vector<float>& w_base,
                                const Matrix& known_labels) {
  const int64_t count = known_labels.columns;
  std::vector<double> scores(known_labels.rows * count);
  for (int64_t row = 0; row < z.rows; ++row) {
    double* own = scores.data() + row * count;
    const float* known = known_labels[row];
    if (std::any_of(known, known + count, [](float value) { return value != 0; })) {
      std::copy_n(known, count, own);
    } else {
      for (int64_t i = 0; i < z.columns; ++i) {
        for (int64_t k = 0; k < count; ++k) own[k] += static_cast<double>(z[row][i]) * w_base[i * count + k];
      }
    }
    double square = kEpsilon * kEpsilon;
    for (int64_t k = 0; k < count; ++k) square += own[k] * own[k];
    for (int64_t k = 0; k < count; ++k) own[k] /= std::sqrt(square);
  }
  return scores;
}

/* Room for a head; m has as many rows as the model says. */
AdaptedHead empty_head(const desire_edge_sizes& sizes, bool known_labels) {
  const int64_t d = sizes.dimension, h = sizes.hidden, N = sizes.labels;
  AdaptedHead head;
  head.w1 = Matrix(d, h);
  head.b1 = Matrix(1, h);
  head.v = Matrix(h + 1, N);
  head.q = Matrix(h + 1, h + 1);
  head.m = Matrix(known_labels ? sizes.base_labels : d, N);
  head.logits = Matrix(sizes.examples, N);
  return head;
}

bool adapt_in_single(const Arguments<float>& given, bool known_labels, AdaptedHead* head) {
  char error[256];
  const auto finite = [&](desire_edge_status status) {
    return stayed_finite(status, error, given.sizes.examples);
  };
  const desire_edge_model_f32 arrays = {given.array("w1"), given.array("b1"),      given.array("w2"),
                                        given.array("b2"), *given.array("gamma1"), *given.array("gamma2"),
                                        nullptr,           given.array("w_i"),     given.array("p"),
                                        given.array("r"),  given.array("q0")};
  desire_edge_model* made = nullptr;
  if (!finite(desire_edge_model_create(&given.sizes, &arrays, &made, error, sizeof error))) return false;
  const std::unique_ptr<desire_edge_model, void (*)(desire_edge_model*)> model(made,
                                                                               desire_edge_model_destroy);
  desire_edge_labels* prepared = nullptr;
  if (!finite(desire_edge_labels_create(made, given.sizes.labels, given.w_novel.data(), &prepared, error,
                                        sizeof error))) {
    return false;
  }
  const std::unique_ptr<desire_edge_labels, void (*)(desire_edge_labels*)> labels(prepared,
                                                                                  desire_edge_labels_destroy);

  const desire_edge_support support = {given.sizes.examples,
                                       given.sizes.steps,
                                       given.z.data(),
                                       given.targets.data(),
                                       given.mask.data(),
                                       given.steps.data(),
                                       known_labels ? given.scores.data() : nullptr};
  const desire_edge_adapt_options options = {DESIRE_EDGE_FORM_AUTO, 1};
  std::vector<char> workspace(desire_edge_adapt_workspace(made, given.sizes.examples, given.sizes.labels,
                                                          given.sizes.steps, options.form));
  *head = empty_head(given.sizes, known_labels);
  head->losses.resize(given.sizes.steps + 1);
  desire_edge_adapted adapted = {};
  adapted.head = {head->w1[0], head->b1[0], head->v[0], head->q[0], head->m[0], 0, 0};
  adapted.losses = head->losses.data();
  adapted.logits = head->logits[0];
  if (!finite(desire_edge_adapt(made, prepared, &support, &options, workspace.data(), workspace.size(),
                                &adapted, error, sizeof error))) {
    return false;
  }
  head->gamma1 = adapted.head.gamma1;
  head->gamma2 = adapted.head.gamma2;
  head->losses.resize(adapted.steps + 1);
  head->conditioning = std::max(adapted.conditioning[0], adapted.conditioning[1]);
  return true;
}

bool adapt_in_double(const Arguments<double>& given, bool known_labels, AdaptedHead* result) {
  char error[256];
  const auto finite = [&](desire_edge_status status) {
    return stayed_finite(status, error, given.sizes.examples);
  };
  const desire_edge_model_f64 model = {given.array("w1"), given.array("b1"),      given.array("w2"),
                                       given.array("b2"), *given.array("gamma1"), *given.array("gamma2"),
                                       nullptr,           given.array("w_i"),     given.array("p"),
                                       given.array("r"),  given.array("q0")};
  const double* scores = known_labels ? given.scores.data() : nullptr;
  const desire_edge_task_f64 task = {given.z.data(),       given.targets.data(), given.mask.data(),
                                     given.w_novel.data(), given.steps.data(),   scores};
  *result = empty_head(given.sizes, known_labels);
  std::vector<double> w1(result->w1.values.size()), b1(result->b1.values.size()), v(result->v.values.size()),
      q(result->q.values.size()), m(result->m.values.size()), losses(given.sizes.steps + 1),
      logits(result->logits.values.size());
  double conditioning[2];
  desire_edge_head_f64 head = {w1.data(), b1.data(), v.data(), q.data(), m.data(), 0, 0};
  if (!finite(desire_edge_adapt_lowrank_f64(&given.sizes, &model, &task, &head, losses.data(), conditioning,
                                            error, sizeof error)) ||
      !finite(desire_edge_head_logits_f64(&given.sizes, &head, model.r, scores, task.z, logits.data(), error,
                                          sizeof error))) {
    return false;
  }
  const auto single = [](const std::vector<double>& from, Matrix* to) {
    std::copy(from.begin(), from.end(), to->values.begin());
  };
  single(w1, &result->w1);
  single(b1, &result->b1);
  single(v, &result->v);
  single(q, &result->q);
  single(m, &result->m);
  single(logits, &result->logits);
  result->gamma1 = static_cast<float>(head.gamma1);
  result->gamma2 = static_cast<float>(head.gamma2);
  result->losses.assign(losses.begin(), losses.end());
  result->conditioning = static_cast<float>(std::max(conditioning[0], conditioning[1]));
  return true;
}

/* Adapts by as many of the steps as stay finite: half of them, until they do. */
template <typename T, typename Adapt>
void adapt_finite(Arguments<T> given, const Adapt& adapt, bool known_labels, AdaptedHead* head) {
  while (!adapt(given, known_labels, head)) {
    if (given.sizes.steps == 0)
      refuse("diverged"_code, "the labels could not be learned: the adaptation does not stay finite");
    given.sizes.steps /= 2;
  }
}

/* Labels of which something is known. */
int64_t known_ways(const Matrix& mask) {
  std::vector<bool> known(mask.columns);
  for (size_t i = 0; i < mask.values.size(); ++i) {
    if (mask.values[i] != 0) known[i % mask.columns] = true;
  }
  return std::count(known.begin(), known.end(), true);
}

/* The matrix times a factor, with columns of zeros after its own. */
std::vector<float> padded(const Matrix& matrix, int64_t columns, float factor) {
  Matrix wider(matrix.rows, columns);
  for (int64_t row = 0; row < matrix.rows; ++row) {
    for (int64_t i = 0; i < matrix.columns; ++i) wider[row][i] = factor * matrix[row][i];
  }
  return wider.values;
}

}  // namespace

AdaptedHead adapt_head(const Semantics& semantics, const Matrix& z, const Targets& support,
                       const Matrix& w_novel, const Matrix& known_labels) {
  // The inner loss is a sum over labels; the library's is a mean, so its steps are that much longer.
  const int64_t ways = known_ways(support.mask);
  std::vector<float> steps = ways ? semantics.arrays.at("step_sizes") : std::vector<float>();
  for (float& step : steps) step *= static_cast<float>(ways);
  std::vector<double> scores;
  if (semantics.known_labels) scores = base_scores(z, semantics.arrays.at("w_base"), known_labels);

  AdaptedHead head;
  adapt_finite(arguments<float>(semantics, z, support, w_novel, scores, steps), adapt_in_single,
               semantics.known_labels, &head);
  if (head.conditioning > kMostConditioning) {
    steps.resize((head.losses.size() - 1) * DESIRE_EDGE_STEP_COLUMNS);
    adapt_finite(arguments<double>(semantics, z, support, w_novel, scores, steps), adapt_in_double,
                 semantics.known_labels, &head);
  }

  char error[256];
  head.thresholds.resize(w_novel.columns);
  const desire_edge_status status = desire_edge_thresholds(
      z.rows, w_novel.columns, head.logits[0], support.targets[0], support.mask[0],
      semantics.arrays.at("threshold_weights").data(), head.thresholds.data(), error, sizeof error);
  if (!stayed_finite(status, error, z.rows))
    refuse("diverged"_code, "the labels could not be learned: a threshold is not finite");
  return head;
}

std::vector<Initializer> task_weights(const AdaptedHead& head, int64_t ways) {
  const int64_t d = head.w1.rows, hidden = head.w1.columns + 1, rows = head.m.rows;
  std::vector<float> b1 = head.b1.values, q = head.q.values, used(head.v.columns, 1);
  b1.push_back(1);  // the last hidden unit is 1 for every z
  q.back() += static_cast<float>(kEpsilon * kEpsilon);
  used.resize(ways);
  return {{"task.w1", {d, hidden}, padded(head.w1, hidden, 1)},          {"task.b1", {hidden}, b1},
          {"task.v", {hidden, ways}, padded(head.v, ways, head.gamma1)}, {"task.q", {hidden, hidden}, q},
          {"task.m", {rows, ways}, padded(head.m, ways, head.gamma2)},   {"task.used", {ways}, used}};
}

}  // namespace app
