/* The one error a user of this program sees: a sentence that names the file and says how to mend it. */
#ifndef DESIRE_EDGE_APP_ERROR_H
#define DESIRE_EDGE_APP_ERROR_H

#include <sstream>
#include <stdexcept>
#include <string>

namespace app {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/* Throws an Error whose message is the parts one after the other. */
template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace app

#endif
