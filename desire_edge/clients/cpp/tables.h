/* The tables of a lexicon's file, each checked as it is taken; as desire_edge/lexicon/format.py. */
#ifndef DESIRE_EDGE_APP_TABLES_H
#define DESIRE_EDGE_APP_TABLES_H

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "arrays.h"
#include "error.h"

namespace app {

constexpr double kSmallest = 1e-9, kLargest = 1e9;  // of scales and norms

inline bool in_range(double value) { return value >= kSmallest && value <= kLargest; }

/* A number of a table, whose bytes need not be aligned. */
template <typename T>
T number(std::string_view table, size_t index) {
  T value;
  std::memcpy(&value, table.data() + index * sizeof value, sizeof value);
  return value;
}

class Tables {
 public:
  /* Reads the bytes of a lexicon, which must outlive its tables; `where` names it in errors. */
  Tables(std::string_view content, std::string where);

  /* What the metadata say of it, an object with a schema. */
  const nlohmann::json& description() const { return description_; }
  const std::string& where() const { return where_; }
  /* The table of a name, which must be of one of these types and have so many dimensions. */
  const Tensor& table(const std::string& name, const std::set<std::string>& dtypes, size_t dimensions) const;
  /* A table of scales, every one of which is within bounds. */
  std::string_view scales(const std::string& name, size_t count) const;

  template <typename... Complaint>
  void require(bool condition, const Complaint&... complaint) const {
    if (!condition)
      refuse("lexicon"_code, "the lexicon ", where_, " is damaged: ", complaint...,
             "; export or copy it again");
  }

 private:
  std::string where_;
  Safetensors file_;
  nlohmann::json description_;
};

}  // namespace app

#endif
