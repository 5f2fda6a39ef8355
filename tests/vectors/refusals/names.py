"""Names of labels: what a list of them gives, and when it is refused."""

from __future__ import annotations

from typing import Any

from vectors.refusals.content import refused, taken

INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufeff\ufff9\ufffa\ufffb"
)
SPACES = (
    "\t\n\x0b\x0c\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
COOK = "👩\u200d🍳"


def cases() -> list[dict[str, Any]]:
    """Lists of names, each checked together."""
    return [
        taken("plain names", ["baking", "open source"], given=["baking", "open source"]),
        taken("no name", [], given=[]),
        taken(
            "names that programming languages know", ["__proto__", "constructor"], given=["__proto__", "constructor"]
        ),
        taken("the letters' case counts", ["Jazz", "jazz"], given=["Jazz", "jazz"]),
        taken("white space at the ends", ["open source"], given=["  open source\n"]),
        taken("white space of every kind at the ends", ["jazz"], given=[f"{SPACES}jazz{SPACES}"]),
        taken("white space inside stays", ["a\u00a0b", "東京\u3000タワー"], given=["a\u00a0b", "東京\u3000タワー"]),
        taken("a byte order mark", ["jazz"], given=["\ufeffjazz"]),
        taken("a zero-width space", ["jazz"], given=["ja\u200bzz"]),
        taken("a soft hyphen", ["baking"], given=["bak\u00ading"]),
        taken("marks of direction", ["abc def"], given=["\u202aabc\u202c \u2067def\u2069\u200f"]),
        taken("every format character that is taken out", ["jazz"], given=[f"{INVISIBLE}jazz{INVISIBLE}"]),
        taken("format characters among the letters", ["jazz"], given=[INVISIBLE.join("jazz")]),
        taken("white space behind a format character", ["jazz"], given=[" \u200b \ufeff jazz \u200e "]),
        taken("joiners stay", ["می\u200cخواهم", COOK], given=["می\u200cخواهم", COOK]),
        taken("a joiner alone", ["\u200d"], given=["\u200d"]),
        taken("a variation selector stays", ["❤\ufe0f"], given=["❤\ufe0f"]),
        taken("U+2065 is unassigned and stays", ["a\u2065b"], given=["a\u2065b"]),
        taken("emoji", ["🍳", "🏳\ufe0f\u200d🌈"], given=["🍳", "🏳\ufe0f\u200d🌈"]),
        taken("composed stays composed", ["caf\u00e9"], given=["caf\u00e9"]),
        taken("decomposed is composed", ["caf\u00e9"], given=["cafe\u0301"]),
        taken("composed across a format character", ["caf\u00e9"], given=["cafe\u200b\u0301"]),
        taken("marks in another order", ["\u1ea1\u0301"], given=["a\u0301\u0323"]),
        taken("Hangul", ["한국"], given=["\u1112\u1161\u11ab\u1100\u116e\u11a8"]),
        taken("characters that are another one", ["\u00c5", "\u03a9"], given=["\u212b", "\u2126"]),
        taken("compatibility forms stay", ["ﬁne", "ｊａｚｚ", "①"], given=["ﬁne", "ｊａｚｚ", "①"]),
        taken("what composition excludes", ["\u0915\u093c"], given=["\u0958"]),
        taken(
            "unassigned in Unicode 14: stays apart, though later versions compose it",
            ["\U000105d2\u0307"],
            given=["\U000105d2\u0307"],
        ),
        taken(
            "unassigned in Unicode 14: what is beside it is composed",
            ["caf\u00e9\U0001fae8caf\u00e9"],
            given=["cafe\u0301\U0001fae8cafe\u0301"],
        ),
        taken(
            "unassigned in Unicode 14: a mark of a later version stays where it stands",
            ["a\u0897\u0323"],
            given=["a\u0897\u0323"],
        ),
        taken("200 characters", ["a" * 200], given=[" " + "a" * 200 + " "]),
        taken("200 characters beyond 16 bits", ["🍳" * 200], given=["🍳" * 200]),
        taken("200 characters, decomposed", ["\u00e9" * 200], given=["e\u0301" * 200]),
        taken("200 characters and a format character", ["a" * 200], given=["a" * 200 + "\u200b"]),
        taken("a separator within a name", ["a;b,c"], given=["a;b,c"]),
        refused("201 characters", "name-long", given=["a" * 201]),
        refused("201 characters beyond 16 bits", "name-long", given=["🍳" * 201]),
        refused("201 characters, one of them a control character", "name-long", given=["a" * 200 + "\x07"]),
        refused("nothing", "name-empty", given=["baking", ""]),
        refused("white space", "name-empty", given=[" \t\u3000\u2028"]),
        refused("format characters alone", "name-empty", given=["\u200b\ufeff"]),
        refused("white space and format characters", "name-empty", given=[" \u200b \u202e "]),
        refused("a control character", "name-control", given=["bell\x07"]),
        refused("a control character alone", "name-control", given=["\x00"]),
        refused("a control character that some take for white space", "name-control", given=["jazz\x1f"]),
        refused("another one", "name-control", given=["\x1cjazz"]),
        refused("DEL", "name-control", given=["ja\x7fzz"]),
        refused("a C1 control character", "name-control", given=["a\x9bb"]),
        refused("a line break inside", "name-control", given=["a\nb"]),
        refused("a next line inside", "name-control", given=["a\x85b"]),
        refused("a line separator inside", "name-control", given=["a\u2028b"]),
        refused("a paragraph separator inside", "name-control", given=["a\u2029b"]),
        refused("a number", "name-type", given=["baking", 7]),
        refused("null", "name-type", given=[None]),
        refused("true", "name-type", given=[True]),
        refused("a list", "name-type", given=[["baking"]]),
        refused("an object", "name-type", given=[{"name": "baking"}]),
        refused("one name twice", "name-twice", given=["baking", "jazz", "baking"]),
        refused("twice but for white space", "name-twice", given=["baking", " baking"]),
        refused("twice but for composition", "name-twice", given=["caf\u00e9", "cafe\u0301"]),
        refused("twice but for a format character", "name-twice", given=["baking", "bak\u200bing"]),
        refused("one string", "names-type", given="baking"),
        refused("an object of names", "names-type", given={"baking": 1}),
        refused("a number of names", "names-type", given=2),
        refused("null in place of a list", "names-type", given=None),
    ]  # fmt: skip
