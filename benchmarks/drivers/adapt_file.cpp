// Adapts the task of a file and writes what comes of it: `adapt_file f64|f32|none INPUT OUTPUT`.
//
// INPUT holds eight int64: S, N, d, h, B, T, Q (query rows) and 0; then float64 arrays: z [S, d],
// targets [S, N], mask [S, N], w_novel [d, N], step_sizes [T, 5], w1 [d, h], b1 [h], w2 [h, d], b2 [d],
// gamma1, gamma2, p [d, d], r [d, d], q0 [h + 1, h + 1], query [Q, d]. OUTPUT gets losses [T + 1] and the
// adapted head's logits of the query rows, [Q, N], as float64. f32 goes by the handles of the C ABI; f64 by
// the plain reference; none reads and allocates all the same, and does nothing.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "desire_edge.h"
#include "reference.h"

namespace {

using desire_edge::Head;
using desire_edge::Sizes;

enum { Z, TARGETS, MASK, W_NOVEL, STEP_SIZES, W1, B1, W2, B2, GAMMA1, GAMMA2, P, R, Q0, QUERY, ARRAYS };

template <class T>
using Arrays = std::vector<std::vector<T>>;

struct Problem {
  Sizes sizes;
  int64_t queries;
  Arrays<double> arrays;
};

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

template <class T>
std::vector<T> numbers(int64_t count) {
  return std::vector<T>(static_cast<size_t>(count));
}

void read(std::ifstream& file, void* data, size_t bytes) {
  require(bool(file.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes))),
          "the input is too short");
}

Problem read_problem(const char* path) {
  std::ifstream file(path, std::ios::binary);
  int64_t header[8];
  read(file, header, sizeof header);
  const auto [S, N, d, h, B, T, Q, zero] = header;
  Problem problem{{S, N, d, h, B, T}, Q, {}};
  for (const int64_t count : {S * d, S * N, S * N, d * N, T * DESIRE_EDGE_STEP_COLUMNS, d * h, h, h * d, d,
                              int64_t{1}, int64_t{1}, d * d, d * d, (h + 1) * (h + 1), Q * d}) {
    problem.arrays.push_back(numbers<double>(count));
    read(file, problem.arrays.back().data(), static_cast<size_t>(count) * sizeof(double));
  }
  return problem;
}

// The adapted head of a task, its losses, and the logits of the query rows.
template <class T>
struct Result {
  explicit Result(const Problem& problem)
      : w1(numbers<T>(problem.sizes.dimension * problem.sizes.hidden)),
        b1(numbers<T>(problem.sizes.hidden)),
        v(numbers<T>((problem.sizes.hidden + 1) * problem.sizes.labels)),
        q(numbers<T>((problem.sizes.hidden + 1) * (problem.sizes.hidden + 1))),
        m(numbers<T>(problem.sizes.dimension * problem.sizes.labels)),
        losses(numbers<T>(problem.sizes.steps + 1)),
        logits(numbers<T>(problem.queries * problem.sizes.labels)),
        head{w1.data(), b1.data(), v.data(), q.data(), m.data(), 0, 0} {}

  std::vector<T> w1, b1, v, q, m, losses, logits;
  Head<T> head;
};

template <class T, class Model>
Model model_of(const Arrays<T>& a) {
  Model model{};
  model.w1 = a[W1].data();
  model.b1 = a[B1].data();
  model.w2 = a[W2].data();
  model.b2 = a[B2].data();
  model.gamma1 = a[GAMMA1][0];
  model.gamma2 = a[GAMMA2][0];
  model.p = a[P].data();
  model.r = a[R].data();
  model.q0 = a[Q0].data();
  return model;
}

template <class T>
void find_logits(const Problem& problem, const Arrays<T>& a, Result<T>& result) {
  Sizes sizes = problem.sizes;
  sizes.examples = problem.queries;
  desire_edge::reference::head_logits<T>(sizes, result.head, a[R].data(), nullptr, a[QUERY].data(),
                                         result.logits.data());
}

void adapt(const Problem& problem, const Arrays<double>& a, Result<double>& result) {
  const auto model = model_of<double, desire_edge::LowrankModel<double>>(a);
  const desire_edge::Task<double> task{a[Z].data(),       a[TARGETS].data(),    a[MASK].data(),
                                       a[W_NOVEL].data(), a[STEP_SIZES].data(), nullptr};
  double conditioning[2];
  desire_edge::reference::adapt_lowrank<double>(problem.sizes, model, task, result.head, result.losses.data(),
                                                conditioning);
  find_logits(problem, a, result);
}

void adapt(const Problem& problem, const Arrays<float>& a, Result<float>& result) {
  const Sizes& sizes = problem.sizes;
  const auto arrays = model_of<float, desire_edge_model_f32>(a);
  const desire_edge_support support = {sizes.examples, sizes.steps,          a[Z].data(), a[TARGETS].data(),
                                       a[MASK].data(), a[STEP_SIZES].data(), nullptr};
  desire_edge_model* model = nullptr;
  desire_edge_labels* labels = nullptr;
  char error[256];
  require(desire_edge_model_create(&sizes, &arrays, &model, error, sizeof error) == DESIRE_EDGE_OK, error);
  require(desire_edge_labels_create(model, sizes.labels, a[W_NOVEL].data(), &labels, error, sizeof error) ==
              DESIRE_EDGE_OK,
          error);
  std::vector<char> workspace(
      desire_edge_adapt_workspace(model, sizes.examples, sizes.labels, sizes.steps, DESIRE_EDGE_FORM_AUTO));
  desire_edge_adapted adapted{};
  adapted.head = result.head;
  adapted.losses = result.losses.data();
  require(desire_edge_adapt(model, labels, &support, nullptr, workspace.data(), workspace.size(), &adapted,
                            error, sizeof error) == DESIRE_EDGE_OK,
          error);
  result.head = adapted.head;
  desire_edge_labels_destroy(labels);
  desire_edge_model_destroy(model);
  find_logits(problem, a, result);
}

void write(std::ofstream& file, const std::vector<double>& values) {
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(double)));
}

template <class T>
void write_result(const char* path, const Result<T>& result) {
  std::ofstream file(path, std::ios::binary);
  write(file, {result.losses.begin(), result.losses.end()});
  write(file, {result.logits.begin(), result.logits.end()});
  require(bool(file.flush()), "the output could not be written");
}

void run(const std::string& mode, const Problem& problem, const char* output) {
  if (mode == "f64") {
    Result<double> result(problem);
    adapt(problem, problem.arrays, result);
    write_result(output, result);
  } else {
    Arrays<float> arrays;
    for (const auto& array : problem.arrays) arrays.emplace_back(array.begin(), array.end());
    Result<float> result(problem);
    if (mode == "f32") adapt(problem, arrays, result);
    write_result(output, result);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    require(count == 4, "usage: adapt_file f64|f32|none INPUT OUTPUT");
    run(arguments[1], read_problem(arguments[2]), arguments[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
