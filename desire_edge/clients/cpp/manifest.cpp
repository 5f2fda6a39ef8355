#include "manifest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "error.h"
#include "files.h"

namespace app {
namespace {

constexpr int kOldestSchemaVersion = 3, kSchemaOfNames = 5, kSchemaOfHeads = 6, kSchemaVersion = 7;
constexpr uint64_t kLargestManifest = 16 * kMiB;
constexpr int64_t kLargestSize = int64_t{1} << 20, kMost = 4096;
const std::set<std::string> kFiles = {kBase, "head.onnx", "adapt.onnx", kSemantics};
const std::set<std::string> kEarlierFiles = {kExtractor,           "head.onnx",  kHeadFragment,
                                             "base.fragment.onnx", "adapt.onnx", kSemantics};
const std::set<std::string> kPrecisions = {"fp32", "fp16", "int8"};

[[noreturn]] void no_manifest(const std::string& where, const std::string& why) {
  refuse("manifest"_code, where, " is not a manifest of desire-edge: ", why, "; export the bundle again");
}

Manifest::File file_record(const nlohmann::json& record, const std::string& name, const std::string& where) {
  const auto& bytes = record.at("bytes");
  const auto& digest = record.at("sha256").get_ref<const std::string&>();
  if (record.size() != 2 || !bytes.is_number_unsigned() || digest.size() != 64 ||
      digest.find_first_not_of("0123456789abcdef") != digest.npos) {
    no_manifest(where, "it has no length and SHA-256 of " + name);
  }
  return {bytes, digest};
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& path) {
  const std::string where = path.string();
  const auto values = parse_json(read_text(path, kLargestManifest), where, "manifest"_code);
  const auto version =
      values.is_object() ? values.value("schema_version", nlohmann::json()) : nlohmann::json();
  if (!version.is_number_integer() || version < kOldestSchemaVersion || version > kSchemaVersion) {
    refuse("schema"_code, where, " has schema version ", brief(version), ", but this program reads versions ",
           kOldestSchemaVersion, " to ", kSchemaVersion,
           "; export the bundle again, or build the program that matches it");
  }
  const auto size_in = [&](const nlohmann::json& part, const char* name, int64_t largest) -> int64_t {
    const auto& value = part.at(name);
    if (!value.is_number_integer() || value < 1 || value > largest) {
      no_manifest(where, std::string(name) + " is " + brief(value) + ", not a number from 1 to " +
                             std::to_string(largest));
    }
    return value;
  };
  const auto size_of = [&](const char* name, int64_t largest) { return size_in(values, name, largest); };
  Manifest manifest;
  try {
    manifest.name = values.at("name");
    manifest.dimension = size_of("dimension", kLargestSize);
    manifest.ways = size_of("ways", kMost);
    size_of("batch", kMost);
    size_of("max_support", kMost);
    size_of("opset", kLargestSize);
    const bool latest = version >= kSchemaOfHeads;
    const nlohmann::json& head = latest ? values.at("head") : values;
    manifest.head = latest ? head.at("kind").get<std::string>() : kPaper;
    manifest.hidden = 0;
    if (manifest.head == kPaper) {
      manifest.hidden = size_in(head, "hidden", kLargestSize);
      const double conditioning = head.at("conditioning").get<double>();
      if (!(conditioning >= 0 && conditioning < 1e300)) no_manifest(where, "conditioning is no number");
    } else if (manifest.head != kPrior) {
      no_manifest(where, "the head is " + brief(manifest.head));
    }
    if (!values.at("training").is_object()) no_manifest(where, "training is no object");
    if (!kPrecisions.count(values.at("precision"))) no_manifest(where, "precision is not fp32, fp16 or int8");
    manifest.known_labels = values.at("known_labels").get<bool>();
    manifest.base_labels = values.at("base_labels").get<Names>();
    if (manifest.base_labels.empty()) no_manifest(where, "base_labels is empty");
    manifest.names =
        version >= kSchemaOfNames ? values.at("names").at("kind").get<std::string>() : kLexiconNames;
    if (manifest.names != kLexiconNames && manifest.names != "extractor")
      no_manifest(where, "names come from " + brief(manifest.names));
    manifest.name_dimension =
        latest ? size_in(values.at("names"), "dimension", kLargestSize) : manifest.dimension;
    if (manifest.head == kPaper && manifest.name_dimension != manifest.dimension)
      no_manifest(where, "labels' vectors have another dimension than features");
    manifest.input = InputSpec(values.value("input", nlohmann::json()), where, "manifest"_code);
    for (const auto& [name, record] : values.at("files").items()) {
      manifest.files[name] = file_record(record, name, where);
    }
    const bool with_base = version == kSchemaVersion;
    manifest.extractor = with_base ? kBase : kExtractor;
    std::set<std::string> expected = with_base ? kFiles : kEarlierFiles;
    if (manifest.names == kLexiconNames) expected.insert(kLexicon);
    for (const auto& [asset, digest] : manifest.input.assets()) expected.insert(asset);
    const bool whole =
        std::equal(expected.begin(), expected.end(), manifest.files.begin(), manifest.files.end(),
                   [](const std::string& name, const auto& file) { return name == file.first; });
    if (!whole) no_manifest(where, "files are not those of a bundle");
  } catch (const nlohmann::json::exception& error) {
    no_manifest(where, json_reason(error));
  }
  return manifest;
}

std::string sha256(const std::string& content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 cannot be had");
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", digest[i]);
    text += hex;
  }
  return text;
}

}  // namespace app
