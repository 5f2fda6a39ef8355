#include "input.h"

#include <functional>
#include <stdexcept>

#include "characters.h"
#include "files.h"
#include "kinds.h"
#include "names.h"
#include "npy.h"
#include "text.h"

namespace app {
namespace {

SparseFeatures read_sparse(const std::string& content, const std::string& where) {
  const auto values = parse_json(content, where);
  if (!values.is_object()) {
    refuse("json"_code, where,
           " is not a readable .json file: expected an object from feature name to number");
  }
  SparseFeatures features;
  for (const auto& [name, value] : values.items()) {
    if (!value.is_number()) {
      refuse("input-type"_code, where, ": the value of feature '", name, "' is ", brief(value),
             ", not a number");
    }
    features[name] = value;
  }
  return features;
}

template <typename K>
std::shared_ptr<Kind> made(const nlohmann::json& value) {
  return std::make_shared<K>(value);
}

/* Each kind is one class of kinds.h and one line here. */
const std::map<std::string, std::function<std::shared_ptr<Kind>(const nlohmann::json&)>> kKinds = {
    {"bag-of-words", made<WordsKind>}, {"vector", made<VectorKind>}, {"lexicon", made<LexiconKind>},
    {"image", made<ImageKind>},        {"tokens", made<TokensKind>},
};

}  // namespace

const std::vector<std::string> kAssets = {"lexicon.safetensors", "tokenizer.json"};

RawInput read_input(const std::filesystem::path& path) {
  const std::string where = path.string(), kind = lower(path.extension().string());
  if (kind == ".npy") return read_npy(read_file(path, kLargestInput), where);
  if (kind == ".json") return read_sparse(read_text(path, kLargestInput), where);
  if (kind == ".txt") return read_text(path, kLargestInput);
  if (kind == ".png" || kind == ".jpg" || kind == ".jpeg")
    return decode_image(read_file(path, kLargestInput), where);
  refuse("file-kind"_code, where,
         " is of no kind that can be read; use .txt, .npy, .json, .png, .jpg, .jpeg");
}

InputSpec::InputSpec(const nlohmann::json& value, const std::string& where, Code code) {
  const auto not_said = [&](const std::string& why) {
    refuse(code, where, " does not say what the model's input is (", why, "); export the bundle again");
  };
  try {
    const auto& name = value.at("kind").get_ref<const std::string&>();
    const auto kind = kKinds.find(name);
    if (kind == kKinds.end()) {
      refuse(code, where, ": the model takes input of the kind ", brief(name),
             ", which this program does not know; build a later version");
    }
    kind_ = kind->second(value);
  } catch (const nlohmann::json::exception& error) {
    not_said(json_reason(error));
  } catch (const std::invalid_argument& error) {
    not_said(error.what());
  }
  const auto unicode = value.value("unicode", nlohmann::json(kUnicode));
  if (unicode != kUnicode) {
    refuse("unicode-version"_code, where, ": its words were split by Unicode ", brief(unicode),
           ", which this version does not know; update desire-edge");
  }
}

X InputSpec::x() const { return kind_->x(); }

int64_t InputSpec::features() const { return kind_->features(); }

std::map<std::string, std::string> InputSpec::assets() const { return kind_->assets(); }

void InputSpec::open(const std::filesystem::path& folder) { kind_->open(folder); }

std::string InputSpec::to_json() const { return kind_->to_json(); }

Features InputSpec::features_of(const RawInput& raw, const std::string& where) const {
  return kind_->features_of(raw, where);
}

std::string json_list(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + nlohmann::json(item).dump();
  return "[" + list + "]";
}

}  // namespace app
