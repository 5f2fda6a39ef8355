/* ONNX Runtime, as this program uses it: on the CPU, on one thread unless more are asked for. */
#ifndef DESIRE_EDGE_APP_SESSION_H
#define DESIRE_EDGE_APP_SESSION_H

#include <onnxruntime_cxx_api.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "arrays.h"
#include "input.h"

namespace app {

constexpr int64_t kAny = -1; /* a size that is not fixed */

/* A model with the input x [batch, features], or one example of ragged input, [1, height, width, 3] or [1,
 * length], or ids and values [batch, k] of words, and, if it uses them, known_labels [batch, B]; of so many rows
 * or of any number. A bundle's base has more inputs, which have defaults: a user's part. */
class Session {
 public:
  /* Opens the bytes of a model, which `where` names in errors, for runs on so many threads; 0 takes all cores.
   */
  Session(const std::string& model, const std::string& where, int threads = 1);

  X x() const { return x_; }
  /* The length of x, 0 where it is no vector. */
  int64_t features() const { return x_ == X::kVector ? inputs_.at("x").second : 0; }
  /* B, or 0 for a model that does not use known labels. */
  int64_t known_labels() const {
    return inputs_.count("known_labels") ? inputs_.at("known_labels").second : 0;
  }
  /* The width of an output [batch, n]: 0 if there is no such output, kAny where it is the part's. */
  int64_t columns(const std::string& output) const {
    return outputs_.count(output) ? outputs_.at(output).second : 0;
  }
  /* The names of the inputs that have defaults. */
  const std::set<std::string>& part() const { return part_; }
  /* An entry of the model's metadata, empty if there is none. */
  std::string metadata(const std::string& key) const;
  /* Refuses with `code` input that is another than the model takes; `model` and `where` say whose it is. */
  void check_takes(const InputSpec& input, const std::string& model, const std::string& where,
                   Code code) const;

  /* x of n examples, and known_labels [n, B] where they are used -> `output` [n, ...], for any n; by a user's
   * `part` in place of the defaults, if one is given. */
  Matrix run(const std::string& output, const std::vector<Features>& features,
             const Matrix& known_labels = Matrix(), const Ort::LoraAdapter* part = nullptr);

 private:
  using Shapes = std::map<std::string, std::pair<int64_t, int64_t>>;

  std::string where_;
  Ort::Env environment_;
  Ort::Session session_;
  Shapes inputs_, outputs_; /* of x, where it is ragged, [1, 0] */
  std::set<std::string> part_;
  int64_t batch_ = 0; /* rows of one run; kAny for any number */
  X x_ = X::kVector;
};

}  // namespace app

#endif
