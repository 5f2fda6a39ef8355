#include "session.h"

#include <algorithm>
#include <vector>

#include "error.h"

namespace app {
namespace {

constexpr int64_t kMostNumbers = int64_t{1}
                                 << 28;  // of one input or output: a model is hostile until checked

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/* The shape of a float matrix of fixed size; another gives {0, 0}. */
std::pair<int64_t, int64_t> matrix_shape(const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return {0, 0};
  const auto info = type.GetTensorTypeAndShapeInfo();
  const std::vector<int64_t> shape = info.GetShape();
  const bool fits = info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && shape.size() == 2 &&
                    shape[0] > 0 && shape[1] > 0 && shape[0] <= kMostNumbers / shape[1];
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

const char* name_of(X x) { return x == X::kPicture ? "pictures" : x == X::kTokens ? "token ids" : "vectors"; }

/* Input as ONNX Runtime takes it, which does not write to it. */
template <typename T>
Ort::Value tensor(const std::vector<T>& values, const std::vector<int64_t>& shape) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor<T>(memory, const_cast<T*>(values.data()), values.size(), shape.data(),
                                     shape.size());
}

/* x of examples as the model takes it; it stays in `features` or is put into `filled`. */
Ort::Value x_tensor(const Features* features, int64_t rows, std::pair<int64_t, int64_t> shape,
                    Matrix* filled) {
  if (const auto* pixels = std::get_if<Pixels>(&features->x))
    return tensor(pixels->rgb, {1, pixels->height, pixels->width, 3});
  if (const auto* tokens = std::get_if<std::vector<int64_t>>(&features->x))
    return tensor(*tokens, {1, static_cast<int64_t>(tokens->size())});
  *filled = Matrix(shape.first, shape.second);  // up to the batch, with rows of zeros
  for (int64_t row = 0; row < rows; ++row) {
    const auto& x = std::get<std::vector<float>>(features[row].x);
    std::copy_n(x.data(), filled->columns, (*filled)[row]);
  }
  return tensor(filled->values, {shape.first, shape.second});
}

}  // namespace

Session::Session(const std::string& model, const std::string& where)
    : where_(where), environment_(ORT_LOGGING_LEVEL_ERROR, "desire_edge_app"), session_(nullptr) {
  try {
    session_ = Ort::Session(environment_, model.data(), model.size(), Ort::SessionOptions());
  } catch (const Ort::Exception& error) {
    refuse("onnx"_code, where, " is not a whole ONNX model that this ONNX Runtime (", Ort::GetVersionString(),
           ") can run: ", first_line(error.what()));
  }
  Ort::AllocatorWithDefaultOptions allocator;
  bool fixed = true;
  for (size_t i = 0; i < session_.GetInputCount(); ++i) {
    const std::string name = session_.GetInputNameAllocated(i, allocator).get();
    auto shape = matrix_shape(session_.GetInputTypeInfo(i));
    if (name == "x") x_ = x_of(session_.GetInputTypeInfo(i));
    if (name == "x" && x_ != X::kVector) shape = {1, 0};
    inputs_[name] = shape;
    fixed = fixed && shape.first > 0;
  }
  for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
    const auto shape = outputs_[session_.GetOutputNameAllocated(i, allocator).get()] =
        matrix_shape(session_.GetOutputTypeInfo(i));
    fixed = fixed && shape.first > 0;
  }
  const bool ours = inputs_.count("x") && inputs_.size() == 1 + inputs_.count("known_labels");
  if (!fixed || !ours || (known_labels() && inputs_["known_labels"].first != inputs_["x"].first)) {
    refuse("onnx"_code, where,
           " is not a model of desire-edge: it has not the input x [batch, features] (or one picture, or one "
           "row "
           "of token ids), at most known_labels [batch, B] beside it, and outputs, all of fixed shape and "
           "float32");
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
  if (features() != input.features()) {
    refuse(code, model, " takes ", features(), " features, but ", where, " says ", input.features());
  }
}

Matrix Session::run(const std::string& output, const std::vector<Features>& features,
                    const Matrix& known_labels) {
  const int64_t batch = inputs_.at("x").first, count = static_cast<int64_t>(features.size());
  Matrix result(count, columns(output));
  for (int64_t start = 0; start < count; start += batch) {
    const int64_t rows = std::min(batch, count - start);
    Matrix filled;
    std::vector<const char*> names = {"x"};
    std::vector<Ort::Value> values;
    values.push_back(x_tensor(&features[start], rows, inputs_.at("x"), &filled));
    Matrix known(batch, this->known_labels());  // up to the batch, with rows of zeros
    if (known.columns > 0) {
      if (known_labels.columns == known.columns)
        std::copy_n(known_labels[start], rows * known.columns, known[0]);
      values.push_back(tensor(known.values, {batch, known.columns}));
      names.push_back("known_labels");
    }
    try {
      const char* wanted = output.c_str();
      const auto found =
          session_.Run(Ort::RunOptions(), names.data(), values.data(), names.size(), &wanted, 1);
      // ONNX Runtime itself only warns where a graph's values have other shapes than it declares.
      if (found[0].GetTensorTypeAndShapeInfo().GetElementCount() !=
          static_cast<size_t>(batch * result.columns)) {
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
