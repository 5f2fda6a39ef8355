/* Folding and splitting text, as desire_edge/lexicon/text.py does; all strings are UTF-8.
 *
 * What a character is, the table of characters.h says, so that one text gives the same words whatever ICU
 * there is: characters that it does not know stay as they are, and only what is between them is folded. */
#ifndef DESIRE_EDGE_APP_TEXT_H
#define DESIRE_EDGE_APP_TEXT_H

#include <string>
#include <string_view>
#include <vector>

namespace app {

bool is_utf8(std::string_view text);

/* Without the white space at its ends. */
std::string strip(const std::string& text);
/* In Unicode's NFC form. */
std::string composed(const std::string& text);
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

/* Whether there is a control character or a line separator in it, or something that is not UTF-8. */
bool has_control(const std::string& text);
/* The text with what must not reach a terminal written out, a line break as \n. */
std::string shown(const std::string& text);

}  // namespace app

#endif
