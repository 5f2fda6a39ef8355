// Times the float32 inner loop against the FMA peak of the same run, one thread, and adapt_many on one and
// two: JSON on standard output. `adapt_bench [rounds]`; d = h = 300, five steps, random data at the scale of
// a trained model's.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "desire_edge.h"
#include "machine.h"

namespace {

constexpr int64_t kDimension = 300, kHidden = 300, kSteps = 5, kTasks = 400;
using Numbers = std::vector<float>;

void check(desire_edge_status status, const char* error) {
  if (status == DESIRE_EDGE_OK) return;
  std::fprintf(stderr, "%s: %s\n", desire_edge_status_message(status), error);
  std::exit(1);
}

class Random {
 public:
  Numbers normal(int64_t count, float scale) {
    Numbers numbers(static_cast<size_t>(count));
    for (float& number : numbers) number = scale * normal_(engine_);
    return numbers;
  }
  Numbers choices(int64_t count, float share) {
    Numbers numbers(static_cast<size_t>(count));
    for (float& number : numbers) number = uniform_(engine_) < share ? 1.0F : 0.0F;
    return numbers;
  }

 private:
  std::mt19937 engine_{7};
  std::normal_distribution<float> normal_;
  std::uniform_real_distribution<float> uniform_;
};

// A model as export writes it: r is diagonal, q0 the Gram matrix of [w2; b2].
class Model {
 public:
  explicit Model(Random& random) {
    const int64_t d = kDimension, h = kHidden;
    const Numbers w1 = random.normal(d * h, 0.058F), b1 = random.normal(h, 0.1F), b2 = random.normal(d, 0.1F);
    Numbers tilde = random.normal(h * d, 0.058F);
    const Numbers w2 = tilde, p = random.normal(d * d, 1);
    tilde.insert(tilde.end(), b2.begin(), b2.end());
    const Numbers lengths = random.normal(d, 1);
    Numbers r(static_cast<size_t>(d * d)), q0(static_cast<size_t>((h + 1) * (h + 1)));
    for (int64_t i = 0; i < d; ++i) r[i * d + i] = lengths[i];
    for (int64_t i = 0; i <= h; ++i) {
      for (int64_t j = 0; j <= h; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < d; ++k) sum += double(tilde[i * d + k]) * tilde[j * d + k];
        q0[i * (h + 1) + j] = static_cast<float>(sum);
      }
    }
    const desire_edge_sizes sizes = {0, 0, d, h, 0, 0};
    const desire_edge_model_f32 arrays = {w1.data(), b1.data(), w2.data(), b2.data(), 1,
                                          1,         nullptr,   nullptr,   p.data(),  r.data(),
                                          q0.data(), nullptr,   nullptr};
    char error[128];
    check(desire_edge_model_create(&sizes, &arrays, &handle_, error, sizeof error), error);
  }
  ~Model() { desire_edge_model_destroy(handle_); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  const desire_edge_model* handle() const { return handle_; }

 private:
  desire_edge_model* handle_ = nullptr;
};

// One task's inputs and outputs.
struct Task {
  Task(Random& random, int64_t S, int64_t N)
      : w_novel(random.normal(kDimension * N, 0.3F)),
        z(random.normal(S * kDimension, 1)),
        targets(random.choices(S * N, 0.3F)),
        mask(static_cast<size_t>(S * N), 1.0F),
        step_sizes(static_cast<size_t>(kSteps * DESIRE_EDGE_STEP_COLUMNS), 0.1F),
        w1(static_cast<size_t>(kDimension * kHidden)),
        b1(static_cast<size_t>(kHidden)),
        v(static_cast<size_t>((kHidden + 1) * N)),
        q(static_cast<size_t>((kHidden + 1) * (kHidden + 1))),
        m(static_cast<size_t>(kDimension * N)),
        losses(static_cast<size_t>(kSteps + 1)),
        support{S, kSteps, z.data(), targets.data(), mask.data(), step_sizes.data(), nullptr},
        adapted{
            {w1.data(), b1.data(), v.data(), q.data(), m.data(), 0, 0}, losses.data(), nullptr, 0, {0, 0}} {}

  Numbers w_novel, z, targets, mask, step_sizes, w1, b1, v, q, m, losses;
  desire_edge_support support;
  desire_edge_adapted adapted;
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Summary {
  double median, least, most;
};

Summary summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

void print_seconds(const char* name, const std::vector<double>& seconds) {
  const Summary of = summary(seconds);
  std::printf("\"%s\": {\"median\": %.6g, \"min\": %.6g}, ", name, of.median, of.least);
}

// One shape: labels with adaptation, and adaptation alone, interleaved with the peak.
void time_shape(const Model& model, Random& random, int64_t S, int64_t N, int rounds, bool last) {
  Task task(random, S, N);
  char error[128];
  desire_edge_labels* labels = nullptr;
  std::vector<char> workspace(
      desire_edge_adapt_workspace(model.handle(), S, N, kSteps, DESIRE_EDGE_FORM_AUTO));
  const auto adapt = [&] {
    check(desire_edge_adapt(model.handle(), labels, &task.support, nullptr, workspace.data(),
                            workspace.size(), &task.adapted, error, sizeof error),
          error);
  };
  const auto make_labels = [&] {
    check(desire_edge_labels_create(model.handle(), N, task.w_novel.data(), &labels, error, sizeof error),
          error);
  };
  std::vector<double> whole, loop, peak;
  for (int round = 0; round < rounds; ++round) {
    peak.push_back(measure_multiply_adds());
    whole.push_back(seconds_of([&] {
      make_labels();
      adapt();
      desire_edge_labels_destroy(labels);
    }));
    make_labels();
    loop.push_back(seconds_of(adapt));
    desire_edge_labels_destroy(labels);
  }
  const Summary peaks = summary(peak);
  std::printf("    {\"examples\": %d, \"labels\": %d, ", int(S), int(N));
  print_seconds("labels_and_adapt_s", whole);
  print_seconds("adapt_s", loop);
  std::printf("\"peak_multiply_adds_per_s\": {\"median\": %.5g, \"max\": %.5g}}%s\n", peaks.median,
              peaks.most, last ? "" : ",");
}

// Tasks a second, 5 labels, 5 examples, each with labels of its own.
void time_many(const Model& model, Random& random, int rounds) {
  std::vector<Task> tasks;
  std::vector<desire_edge_job> jobs(kTasks);
  tasks.reserve(kTasks);
  for (desire_edge_job& job : jobs) {
    Task& task = tasks.emplace_back(random, 5, 5);
    job.labels = nullptr;
    job.label_count = 5;
    job.w_novel = task.w_novel.data();
    job.support = task.support;
    job.adapted = task.adapted;
  }
  std::vector<double> seconds[2];
  char error[128];
  for (int round = 0; round < rounds; ++round) {
    for (int threads = 1; threads <= 2; ++threads) {
      seconds[threads - 1].push_back(seconds_of([&] {
        check(desire_edge_adapt_many(model.handle(), nullptr, jobs.data(), kTasks, threads, error,
                                     sizeof error),
              error);
      }));
    }
  }
  const Summary one = summary(seconds[0]), two = summary(seconds[1]);
  std::printf("  \"adapt_many\": {\"tasks\": %d, ", int(kTasks));
  std::printf("\"one_thread_tasks_per_s\": {\"median\": %.1f, \"max\": %.1f}, ", kTasks / one.median,
              kTasks / one.least);
  std::printf("\"two_threads_tasks_per_s\": {\"median\": %.1f, \"max\": %.1f}, ", kTasks / two.median,
              kTasks / two.least);
  std::printf("\"speedup\": {\"median\": %.3f, \"min\": %.3f}},\n", one.median / two.median,
              one.least / two.least);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 200;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: adapt_bench [rounds >= 1]\n");
    return 2;
  }
  Random random;
  const Model model(random);
  const int64_t shapes[][2] = {{5, 5}, {25, 5}, {10, 10}, {50, 10}, {160, 32}};
  std::printf("{\n  \"version\": \"%s\", \"kernels\": \"%s\", ", desire_edge_version(),
              desire_edge_kernels(0));
  std::printf("\"dimension\": %d, \"hidden\": %d, \"steps\": %d,\n", int(kDimension), int(kHidden),
              int(kSteps));
  std::printf("  \"shapes\": [\n");
  for (const auto& [S, N] : shapes) {
    time_shape(model, random, S, N, S < 100 ? rounds : std::max(rounds / 10, 3), S == 160);
  }
  std::printf("  ],\n");
  time_many(model, random, std::max(rounds / 20, 3));
  std::vector<double> bandwidth;
  for (int round = 0; round < 5; ++round) bandwidth.push_back(measure_bandwidth());
  std::printf("  \"bandwidth_bytes_per_s\": {\"median\": %.5g, \"max\": %.5g}\n}\n",
              summary(bandwidth).median, summary(bandwidth).most);
  return 0;
}
