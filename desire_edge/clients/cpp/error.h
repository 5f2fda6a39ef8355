/* The one error a user of this program sees: a sentence that names the file and says how to mend it, and a
 * code for programs, which stays the same whatever the sentence says. */
#ifndef DESIRE_EDGE_APP_ERROR_H
#define DESIRE_EDGE_APP_ERROR_H

#include <sstream>
#include <stdexcept>
#include <string>

namespace app {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}

  /* Words joined by "-", as in "name-empty"; "invalid" where there is no closer one. */
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

/* What a user is refused, by a literal operator, so that no part of a message is taken for one. */
struct Code {
  const char* name;
};
constexpr Code operator""_code(const char* name, size_t) { return {name}; }

/* Throws an Error whose message is the parts one after the other. */
template <typename... Parts>
[[noreturn]] void refuse(Code code, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(code.name, message.str());
}

}  // namespace app

#endif
