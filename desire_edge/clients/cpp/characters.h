/* Which characters there are, by one version of Unicode, whatever the platform has; characters.cpp is made by
 * tests/vectors/characters.py. */
#ifndef DESIRE_EDGE_APP_CHARACTERS_H
#define DESIRE_EDGE_APP_CHARACTERS_H

namespace app {

extern const char* const kUnicode; /* the version */

/* Runs of code points of one class, from 0 to 0x10FFFF, each its length in base 36 and its class: U,
 * unassigned; W, of a word (letters, marks, numbers); O, other. */
extern const char* const kCharacterRuns;

}  // namespace app

#endif
