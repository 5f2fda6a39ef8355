#include "adaptation.h"

#include <desire_edge.h>

#include <memory>

#include "error.h"

namespace app {
namespace {

using Handle = std::unique_ptr<desire_edge_model, void (*)(desire_edge_model*)>;

/* Throws what a call of the library refused. */
void check(desire_edge_status status, const char* error, int64_t examples) {
  if (status == DESIRE_EDGE_OUT_OF_MEMORY) {
    refuse("invalid"_code, examples, " examples do not fit into this machine's memory; adapt with fewer");
  }
  if (status == DESIRE_EDGE_DIVERGED) {
    refuse("diverged"_code, "the labels could not be learned: the adaptation does not stay finite");
  }
  if (status != DESIRE_EDGE_OK) refuse("invalid"_code, "the labels could not be learned: ", error);
}

int64_t steps_of(const Semantics& semantics) {
  if (semantics.prior) return 1;
  return static_cast<int64_t>(semantics.arrays.at("step_sizes").size()) / DESIRE_EDGE_STEP_COLUMNS;
}

Handle packed_prior(const Semantics& semantics, int64_t examples) {
  const auto array = [&](const char* name) { return semantics.arrays.at(name).data(); };
  const desire_edge_prior_sizes sizes = {semantics.dimension, semantics.name_dimension, semantics.base_labels,
                                         semantics.known_labels ? 1 : 0};
  desire_edge_prior_f32 arrays = {};
  arrays.name_mean = array("name_mean");
  arrays.name_map = semantics.arrays.count("name_map") ? array("name_map") : nullptr;
  arrays.r = array("r");
  arrays.inference = array("inference");
  arrays.scalars = array("scalars");
  arrays.threshold_weights = array("threshold_weights");
  desire_edge_model* model = nullptr;
  char error[256];
  check(desire_edge_prior_create(&sizes, &arrays, &model, error, sizeof error), error, examples);
  return Handle(model, desire_edge_model_destroy);
}

Handle packed_model(const Semantics& semantics, int64_t examples) {
  if (semantics.prior) return packed_prior(semantics, examples);
  const auto array = [&](const char* name) { return semantics.arrays.at(name).data(); };
  const desire_edge_sizes sizes = {
      0, 0, semantics.dimension, semantics.hidden, semantics.base_labels, steps_of(semantics)};
  desire_edge_model_f32 arrays = {};
  arrays.w1 = array("w1");
  arrays.b1 = array("b1");
  arrays.w2 = array("w2");
  arrays.b2 = array("b2");
  arrays.gamma1 = *array("gamma1");
  arrays.gamma2 = *array("gamma2");
  arrays.q0 = array("q0");
  arrays.step_sizes = array("step_sizes");
  arrays.threshold_weights = array("threshold_weights");
  if (semantics.known_labels) {
    arrays.w_base = array("w_base");
    arrays.w_i = array("w_i");
  } else {
    arrays.p = array("p");
    arrays.r = array("r");
  }
  desire_edge_model* model = nullptr;
  char error[256];
  check(desire_edge_model_create(&sizes, &arrays, &model, error, sizeof error), error, examples);
  return Handle(model, desire_edge_model_destroy);
}

/* The task's weights in the order of a model file, for the library to fill. */
std::vector<Initializer> empty_weights(const Semantics& semantics, int64_t ways) {
  const int64_t d = semantics.dimension, hidden = semantics.hidden + 1,
                rows = semantics.known_labels ? semantics.base_labels : d;
  std::vector<Initializer> weights = {{"task.w1", {d, hidden}, {}},   {"task.b1", {hidden}, {}},
                                      {"task.v", {hidden, ways}, {}}, {"task.q", {hidden, hidden}, {}},
                                      {"task.m", {rows, ways}, {}},   {"task.used", {ways}, {}}};
  if (semantics.prior) {
    weights = {{"task.l", {d, ways}, {}},
               {"task.m", {semantics.base_labels, ways}, {}},
               {"task.b", {ways}, {}},
               {"task.used", {ways}, {}}};
  }
  for (Initializer& weight : weights) {
    weight.values.resize(weight.shape[0] * (weight.shape.size() > 1 ? weight.shape[1] : 1));
  }
  return weights;
}

}  // namespace

std::vector<std::string> part_names(const Semantics& semantics) {
  std::vector<std::string> names;
  for (const Initializer& weight : empty_weights(semantics, 1)) names.push_back(weight.name);
  return names;
}

AdaptedHead learn(const Semantics& semantics, const Matrix& z, const Targets& support, const Matrix& w_novel,
                  const Matrix& known_labels, int64_t ways) {
  const Handle model = packed_model(semantics, z.rows);
  desire_edge_learn_input input = {};
  input.examples = z.rows;
  input.labels = w_novel.columns;
  input.ways = ways;
  input.z = z[0];
  input.targets = support.targets[0];
  input.mask = support.mask[0];
  input.w_novel = w_novel[0];
  input.known_labels = semantics.known_labels ? known_labels[0] : nullptr;

  AdaptedHead head;
  Matrix logits(z.rows, w_novel.columns);
  head.weights = empty_weights(semantics, ways);
  head.losses.resize(steps_of(semantics) + 1);
  head.thresholds.resize(w_novel.columns);
  desire_edge_learned learned = {};
  const std::vector<float**> arrays =
      semantics.prior
          ? std::vector{&learned.l, &learned.m, &learned.b, &learned.used}
          : std::vector{&learned.w1, &learned.b1, &learned.v, &learned.q, &learned.m, &learned.used};
  for (size_t i = 0; i < head.weights.size(); ++i) *arrays[i] = head.weights[i].values.data();
  learned.losses = head.losses.data();
  learned.logits = logits[0];
  learned.thresholds = head.thresholds.data();
  char error[256];
  check(desire_edge_learn(model.get(), &input, &learned, error, sizeof error), error, z.rows);
  head.losses.resize(learned.steps + 1);
  if (semantics.prior) {
    check(desire_edge_held_out_loss(model.get(), &input, &head.held_out_loss, error, sizeof error), error,
          z.rows);
  }
  head.conditioning = learned.conditioning;
  return head;
}

}  // namespace app
