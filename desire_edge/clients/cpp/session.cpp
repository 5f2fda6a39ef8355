#include "session.h"

#include <algorithm>
#include <vector>

#include "error.h"

namespace app {
namespace {

constexpr int64_t kMostNumbers = int64_t{1}
                                 << 28;  // of one input or output: a model is hostile until checked
constexpr int64_t kAtOnce = 256;         // rows of one run, where a model takes any number
constexpr size_t kWide = 8;              // sparse rows are as long as a multiple of it

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/* The shape of a float matrix, kAny where it is not fixed; another gives {0, 0}. */
std::pair<int64_t, int64_t> matrix_shape(const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return {0, 0};
  const auto info = type.GetTensorTypeAndShapeInfo();
  const std::vector<int64_t> shape = info.GetShape();
  const bool floats = info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && shape.size() == 2;
  const auto any = [&](size_t axis) { return shape[axis] == kAny; };
  const bool fits = floats && (any(0) || shape[0] > 0) && (any(1) || shape[1] > 0) &&
                    (any(0) || any(1) || shape[0] <= kMostNumbers / shape[1]) &&
                    (any(1) || shape[1] <= kMostNumbers);
  return fits ? std::make_pair(shape[0], shape[1]) : std::pair<int64_t, int64_t>{0, 0};
}

/* What x is. */
X x_of(const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return X::kVector;
  const auto info = type.GetTensorTypeAndShapeInfo();
  const std::vector<int64_t> shape = info.GetShape();
  const auto element = info.GetElementType();
  if (element == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 && shape.size() == 4 && shape[0] == 1 && shape[3] == 3)
    return X::kPicture;
  if (element == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 && shape.size() == 2 && shape[0] == 1) return X::kTokens;
  return X::kVector;
}

/* The shape of the numbers of words, int64; another gives {0, 0}. */
std::pair<int64_t, int64_t> ids_shape(const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return {0, 0};
  const auto info = type.GetTensorTypeAndShapeInfo();
  const std::vector<int64_t> shape = info.GetShape();
  if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 || shape.size() != 2) return {0, 0};
  return {shape[0], shape[1]};
}

const char* name_of(X x) {
  const char* const names[] = {"vectors", "pictures", "token ids",
                               "words by their numbers"};  // as X has them
  return names[static_cast<int>(x)];
}

/* Input as ONNX Runtime takes it, which does not write to it. */
template <typename T>
Ort::Value tensor(const std::vector<T>& values, const std::vector<int64_t>& shape) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor<T>(memory, const_cast<T*>(values.data()), values.size(), shape.data(),
                                     shape.size());
}

/* Examples as the model takes them, by its inputs' names; what they are filled up in. */
struct Inputs {
  std::vector<const char*> names;
  std::vector<Ort::Value> values;
  Matrix filled;
  std::vector<int64_t> ids;

  void add(const char* name, Ort::Value value) {
    names.push_back(name);
    values.push_back(std::move(value));
  }
};

/* `rows` examples, filled up to `batch` with rows of zeros; x of `columns` numbers, where it is a vector. */
void take(const Features* features, int64_t rows, int64_t batch, int64_t columns, Inputs* inputs) {
  if (const auto* pixels = std::get_if<Pixels>(&features->x))
    return inputs->add("x", tensor(pixels->rgb, {1, pixels->height, pixels->width, 3}));
  if (const auto* tokens = std::get_if<std::vector<int64_t>>(&features->x))
    return inputs->add("x", tensor(*tokens, {1, static_cast<int64_t>(tokens->size())}));
  if (std::holds_alternative<SparseWords>(features->x)) {
    size_t longest = 1;
    for (int64_t row = 0; row < rows; ++row)
      longest = std::max(longest, std::get<SparseWords>(features[row].x).ids.size());
    const auto wide = static_cast<int64_t>((longest + kWide - 1) / kWide * kWide);
    inputs->filled = Matrix(batch, wide);
    inputs->ids.assign(inputs->filled.values.size(), 0);
    for (int64_t row = 0; row < rows; ++row) {
      const auto& words = std::get<SparseWords>(features[row].x);
      std::copy(words.ids.begin(), words.ids.end(), inputs->ids.begin() + row * wide);
      std::copy(words.values.begin(), words.values.end(), inputs->filled[row]);
    }
    inputs->add("ids", tensor(inputs->ids, {batch, wide}));
    return inputs->add("values", tensor(inputs->filled.values, {batch, wide}));
  }
  inputs->filled = Matrix(batch, columns);
  for (int64_t row = 0; row < rows; ++row) {
    const auto& x = std::get<std::vector<float>>(features[row].x);
    std::copy_n(x.data(), columns, inputs->filled[row]);
  }
  inputs->add("x", tensor(inputs->filled.values, {batch, columns}));
}

}  // namespace

Session::Session(const std::string& model, const std::string& where, int threads)
    : where_(where), environment_(ORT_LOGGING_LEVEL_FATAL, "desire_edge_app"), session_(nullptr) {
  try {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    session_ = Ort::Session(environment_, model.data(), model.size(), options);
  } catch (const Ort::Exception& error) {
    refuse("onnx"_code, where, " is not a whole ONNX model that this ONNX Runtime (", Ort::GetVersionString(),
           ") can run: ", first_line(error.what()));
  }
  Ort::AllocatorWithDefaultOptions allocator;
  bool ours = true;
  for (size_t i = 0; i < session_.GetInputCount(); ++i) {
    const std::string name = session_.GetInputNameAllocated(i, allocator).get();
    const Ort::TypeInfo type = session_.GetInputTypeInfo(i);
    auto shape = matrix_shape(type);
    if (name == "x") x_ = x_of(type);
    if (name == "x" && x_ != X::kVector) shape = {1, 0};
    if (name == "ids") {
      x_ = X::kWords;
      shape = ids_shape(type);
    }
    inputs_[name] = shape;
    ours = ours && shape.first != 0 && (shape.second != kAny || name == "ids" || name == "values");
  }
  for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
    const auto shape = outputs_[session_.GetOutputNameAllocated(i, allocator).get()] =
        matrix_shape(session_.GetOutputTypeInfo(i));
    ours = ours && shape.first != 0;
  }
  const size_t wanted = (x_ == X::kWords ? 2 : 1) + inputs_.count("known_labels");
  ours = ours && inputs_.size() == wanted && inputs_.count(x_ == X::kWords ? "values" : "x");
  for (const auto& [name, shape] : inputs_) ours = ours && shape.first == inputs_.begin()->second.first;
  if (!ours) {
    refuse(
        "onnx"_code, where,
        " is not a model of desire-edge: it has not the input x [batch, features] (or one picture, one row "
        "of token ids, or ids and values of words), at most known_labels [batch, B] beside it, and outputs, "
        "all of float32 and of fixed shape but for the batch");
  }
  batch_ = inputs_.begin()->second.first;
  for (size_t i = 0; i < session_.GetOverridableInitializerCount(); ++i) {
    part_.insert(session_.GetOverridableInitializerNameAllocated(i, allocator).get());
  }
}

std::string Session::metadata(const std::string& key) const {
  Ort::AllocatorWithDefaultOptions allocator;
  const auto value = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(key.c_str(), allocator);
  return value ? value.get() : "";
}

void Session::check_takes(const InputSpec& input, const std::string& model, const std::string& where,
                          Code code) const {
  if (x_ != input.x()) {
    refuse(code, model, " takes ", name_of(x_), ", but ", where, " says ", name_of(input.x()));
  }
  if (x_ == X::kVector && features() != input.features()) {
    refuse(code, model, " takes ", features(), " features, but ", where, " says ", input.features());
  }
}

Matrix Session::run(const std::string& output, const std::vector<Features>& features,
                    const Matrix& known_labels, const Ort::LoraAdapter* part) {
  const int64_t count = static_cast<int64_t>(features.size()), most = batch_ == kAny ? kAtOnce : batch_;
  Matrix result(count, std::max<int64_t>(0, columns(output)));
  for (int64_t start = 0; start < count; start += most) {
    const int64_t rows = std::min(most, count - start), batch = batch_ == kAny ? rows : batch_;
    Inputs inputs;
    take(&features[start], rows, batch, this->features(), &inputs);
    Matrix known(batch, this->known_labels());  // up to the batch, with rows of zeros
    if (known.columns > 0) {
      if (known_labels.columns == known.columns)
        std::copy_n(known_labels[start], rows * known.columns, known[0]);
      inputs.add("known_labels", tensor(known.values, {batch, known.columns}));
    }
    try {
      const char* wanted = output.c_str();
      Ort::RunOptions options;
      if (part != nullptr) options.AddActiveLoraAdapter(*part);
      const auto found =
          session_.Run(options, inputs.names.data(), inputs.values.data(), inputs.names.size(), &wanted, 1);
      const std::vector<int64_t> shape = found[0].GetTensorTypeAndShapeInfo().GetShape();
      if (start == 0 && columns(output) == kAny && shape.size() == 2) result = Matrix(count, shape[1]);
      // ONNX Runtime itself only warns where a graph's values have other shapes than it declares.
      if (shape != std::vector{batch, result.columns}) {
        refuse("onnx"_code, where_, " gives no ", output, " of ", result.columns, " numbers a row");
      }
      std::copy_n(found[0].GetTensorData<float>(), rows * result.columns, result[start]);
    } catch (const Ort::Exception& error) {
      refuse("onnx"_code, "ONNX Runtime could not run ", where_, ": ", first_line(error.what()));
    }
  }
  return result;
}

}  // namespace app
