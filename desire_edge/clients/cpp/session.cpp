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
    const auto shape = inputs_[session_.GetInputNameAllocated(i, allocator).get()] =
        matrix_shape(session_.GetInputTypeInfo(i));
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
           " is not a model of desire-edge: it has not the input x [batch, features], at most "
           "known_labels [batch, B] beside it, and outputs, all of fixed shape and float32");
  }
}

std::string Session::metadata(const std::string& key) const {
  Ort::AllocatorWithDefaultOptions allocator;
  const auto value = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(key.c_str(), allocator);
  return value ? value.get() : "";
}

Matrix Session::run(const std::string& output, const Matrix& x, const Matrix& known_labels) {
  const auto [batch, features] = inputs_.at("x");
  Matrix result(x.rows, columns(output));
  for (int64_t start = 0; start < x.rows; start += batch) {
    const int64_t rows = std::min(batch, x.rows - start);
    std::vector<Matrix> filled;  // up to the batch, with rows of zeros
    std::vector<const char*> names;
    std::vector<Ort::Value> values;
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    for (const auto& [name, shape] : inputs_) filled.emplace_back(batch, shape.second);
    for (auto& [name, shape] : inputs_) {
      Matrix& matrix = filled[names.size()];
      const Matrix& given = name == "x" ? x : known_labels;
      if (given.columns == matrix.columns) std::copy_n(given[start], rows * matrix.columns, matrix[0]);
      const int64_t sizes[] = {batch, shape.second};
      values.push_back(Ort::Value::CreateTensor<float>(memory, matrix[0], matrix.values.size(), sizes, 2));
      names.push_back(name.c_str());
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
