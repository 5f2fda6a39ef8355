#include "csv.h"

namespace app {

std::optional<std::vector<std::string>> CsvReader::next() {
  std::vector<std::string> row = {""};
  enum { START, PLAIN, QUOTED, CLOSED } state = START;  // of the last field
  const auto blank = [&] { return row.size() == 1 && state == START; };
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    const bool half = c == '\r' && at_ < text_.size() && text_[at_] == '\n';  // the line breaks after both
    const bool breaks = c == '\n' || (c == '\r' && !half);
    if (blank()) line_ = breaks_ + 1;
    breaks_ += breaks;
    if (state == QUOTED) {
      if (c == '"') {
        state = CLOSED;
      } else {
        row.back() += c;
      }
    } else if (c == separator_) {
      row.emplace_back();
      state = START;
    } else if (breaks) {
      if (!blank()) return row;
    } else if (c == '"' && state != PLAIN) {
      if (state == CLOSED) row.back() += c;  // a quote within quotes is doubled
      state = QUOTED;
    } else if (!half) {
      broken_ = c == '"' || state == CLOSED;
      if (broken_) return std::nullopt;
      row.back() += c;
      state = PLAIN;
    }
  }
  broken_ = state == QUOTED;
  return broken_ || blank() ? std::nullopt : std::optional(row);
}

}  // namespace app
