/* Folding and splitting text, as desire_edge/lexicon/text.py does; all strings are UTF-8. */
#ifndef DESIRE_EDGE_APP_TEXT_H
#define DESIRE_EDGE_APP_TEXT_H

#include <string>
#include <string_view>
#include <vector>

namespace app {

bool is_utf8(std::string_view text);

/* Without the white space at its ends. */
std::string strip(const std::string& text);
std::string lower(const std::string& text);
/* In Unicode's NFKC form, lower-cased. */
std::string fold(const std::string& text);

/* Folded words: runs of letters, marks and digits, with a "++" or "#" after them; apostrophes are deleted. */
std::vector<std::string> tokenize(const std::string& text);
/* A label's name split like a text, its letters' case left as it is. */
std::vector<std::string> split_name(const std::string& name);
/* "openSource" -> "open", "Source". */
std::vector<std::string> split_camel_case(const std::string& word);

std::u32string characters(const std::string& text);
std::string utf8(const std::u32string& characters);
/* Whether all of these are decimal digits. */
bool is_decimal(const std::u32string& characters);

/* Whether there is something in it that must not reach a terminal from a file. */
bool has_control(const std::string& text);
/* The text with such characters written out, a line break as \n. */
std::string shown(const std::string& text);

/* Label names, stripped; empty ones, long ones, ones with control characters and repeated ones are refused.
 */
std::vector<std::string> check_names(const std::vector<std::string>& names, const std::string& where);

}  // namespace app

#endif
