/* Names of labels: the one check of them, in support sets and on the command line; as
 * desire_edge/inputs/names.py. */
#ifndef DESIRE_EDGE_APP_NAMES_H
#define DESIRE_EDGE_APP_NAMES_H

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace app {

using Names = std::vector<std::string>;

/* A name as names are compared: without invisible format characters, in NFC, without white space at its ends.
 */
std::string cleaned(const std::string& name);

/* A list of names (or `Names`), cleaned. What is no list, no name, empty, over 200 characters, holds control
 * characters or is there twice is refused; `field` is what errors call the list. */
Names check_names(const nlohmann::json& list, const std::string& where, const std::string& field = "labels");

/* The names that stand between separators. */
Names split_names(const std::string& list, char separator);

/* A value in messages, cut short. */
std::string brief(const nlohmann::json& value);

}  // namespace app

#endif
