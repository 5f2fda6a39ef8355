/* The rows of a CSV text (RFC 4180), quoted strictly. */
#ifndef DESIRE_EDGE_APP_CSV_H
#define DESIRE_EDGE_APP_CSV_H

#include <optional>
#include <string>
#include <vector>

namespace app {

class CsvReader {
 public:
  /* `text` is not copied and must outlive the reader. */
  CsvReader(const std::string& text, char separator) : text_(text), separator_(separator) {}

  /* The fields of the next row that is not blank; nothing after the last, or where the quoting is broken. */
  std::optional<std::vector<std::string>> next();
  /* Whether reading ended at broken quoting. */
  bool broken() const { return broken_; }
  /* The line on which the last row begins; the first is 1. */
  size_t line() const { return line_; }

 private:
  const std::string& text_;
  char separator_;
  size_t at_ = 0, breaks_ = 0, line_ = 1;
  bool broken_ = false;
};

}  // namespace app

#endif
