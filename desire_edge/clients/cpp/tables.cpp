#include "tables.h"

#include <utility>

#include "files.h"

namespace app {

Tables::Tables(std::string_view content, std::string where)
    : where_(std::move(where)), file_(read_safetensors(content, where_, "lexicon"_code)) {
  const auto found = file_.metadata.find("lexicon");
  if (found == file_.metadata.end()) {
    refuse("lexicon"_code, where_,
           " is a safetensors file but not a lexicon; give the one that export wrote");
  }
  description_ = parse_json(found->second, where_, "lexicon"_code);
}

const Tensor& Tables::table(const std::string& name, const std::set<std::string>& dtypes,
                            size_t dimensions) const {
  const auto found = file_.tensors.find(name);
  require(found != file_.tensors.end(), "the table '", name, "' is missing");
  require(dtypes.count(found->second.dtype) && found->second.shape.size() == dimensions, "the table '", name,
          "' is of another type or shape");
  return found->second;
}

std::string_view Tables::scales(const std::string& name, size_t count) const {
  const Tensor& scales = table(name, {"F32"}, 1);
  require(scales.shape[0] == count, "the table '", name, "' has not one scale for each vector");
  for (size_t row = 0; row < count; ++row) {
    require(in_range(number<float>(scales.bytes, row)), "a scale is out of bounds");
  }
  return scales.bytes;
}

}  // namespace app
