/* NumPy's .npy files of one row of numbers. */
#ifndef DESIRE_EDGE_APP_NPY_H
#define DESIRE_EDGE_APP_NPY_H

#include <string>
#include <vector>

namespace app {

/* The numbers of a file's `content`, of shape [n] or [1, n], each rounded once to single precision; `where`
 * names the file in errors. */
std::vector<float> read_npy(const std::string& content, const std::string& where);

}  // namespace app

#endif
