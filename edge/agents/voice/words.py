"""Written text as the words people say: "2 Jalapeño-Poppers & dip" is "two jalapeño poppers and dip"."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ONES: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SIGNS: Final = {"&": " and ", "+": " and ", "%": " percent ", "’": "'", "‘": "'", "´": "'", "`": "'"}
# An elided "and": fish'n'chips, mac 'n' cheese. Then digits by themselves (7up), then words with inner apostrophes.
_ELIDED_AND: Final = re.compile(r"(?<![a-z])'n'?(?![a-z])|(?<=[a-z])'n'(?=[a-z])")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*")


def words(text: str) -> list[str]:
    """The words of `text` in lower case, numbers spelled out, accents kept."""
    lowered = unicodedata.normalize("NFC", text).lower()
    for sign, spoken in _SIGNS.items():
        lowered = lowered.replace(sign, spoken)
    lowered = _ELIDED_AND.sub(" and ", lowered)
    found: list[str] = []
    for token in _TOKEN.findall(lowered):
        found.extend(number_words(token) if token.isdecimal() else [token])
    return found


def plain(word: str) -> str:
    """A word in ASCII: the key under which grammar, dictionary and intent know it. Empty for another script."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word.replace("ß", "ss").replace("ø", "o").replace("æ", "ae"))
    return "".join(letter for letter in decomposed if letter.isascii() and (letter.isalpha() or letter == "'"))


def tokens(text: str) -> tuple[str, ...]:
    """The words of `text` as keys, without accents."""
    return tuple(key for word in words(text) if (key := plain(word)))


def plural(word: str) -> str:
    """The plural of an English noun as a menu has them; a word that ends in s stays as it is."""
    if word.endswith(("s", "'")):
        return word
    if word.endswith(("ch", "sh", "x", "z")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def number_words(digits: str) -> list[str]:
    """A whole number in words; from a thousand on digit by digit, as a telephone number is read."""
    number = int(digits)
    if number >= 1000 or (len(digits) > 1 and digits[0] == "0"):
        return [_ONES[int(digit)] for digit in digits]
    spoken: list[str] = []
    if number >= 100:
        spoken += [_ONES[number // 100], "hundred"]
        number %= 100
        if not number:
            return spoken
    if number >= 20:
        spoken.append(_TENS[number // 10 - 2])
        number %= 10
        if not number:
            return spoken
    return [*spoken, _ONES[number]]
