"""Letter-to-sound rules: how a word that no dictionary has is probably pronounced, in ARPAbet.

Two readings, because a menu's rare words are seldom English: "kombucha" read by English rules rhymes with "mucha",
read as Spanish, Italian or Japanese spelling it comes out right. The decoder takes both and picks what it hears.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

Rules = dict[str, list[tuple[re.Pattern[str], tuple[str, ...]]]]


def _compiled(rows: Iterable[str]) -> Rules:
    """Rules by their first letter, each the letters it reads (a regular expression) and the phones they give."""
    rules: Rules = {}
    for row in rows:
        pattern, _, phones = row.rpartition(">")
        pattern = pattern.strip()
        first = re.sub(r"\(\?<[=!][^)]*\)|[\^(]", "", pattern)[0]
        for letter in "aeiouy" if first == "[" else first:
            rules.setdefault(letter, []).append((re.compile(pattern), tuple(phones.split())))
    return rules


# The first rule of a letter that fits is taken. C-like sets are written out: a rule is read more often than made.
_ENGLISH: Final = _compiled(
    """
augh > AO
au > AO
aw > AO
ay > EY
air > EH R
arr(?=[aeiouy]) > AE R
ai > EY
are$ > EH R
ar > AA R
all > AO L
al(?=k) > AO
al$ > AH L
able$ > AH B AH L
(?<=[aeiouy][bcdfghjklmnpqrstvwxz])age$ > IH JH
(?<=w)a(?=[stl]) > AA
a(?=[bcdfgjklmnpstvz]e[sd]?$) > EY
a(?=[ctg]i[aou]) > EY
a(?=ste|the) > EY
ah > AA
a$ > AH
(?<=[aeiouy][bcdfghjklmnpqrstvwxz])a(?=[nmlr]) > AH
a > AE
bb > B
b$(?<=mb) >
b > B
ch(?=[rl]) > K
(?<=s)ch(?=[eo]) > K
ch > CH
ci(?=[ao]) > SH
cc(?=[ei]) > K S
cqu > K W
ck > K
c(?=[eiy]) > S
cc > K
c > K
dge > JH
dd > D
d > D
eau > OW
ea(?=d$|lth|th|sure|ther) > EH
ear(?=[nlt]) > ER
eer > IH R
ear > IH R
ea > IY
ee > IY
eigh > EY
ei > IY
eu > UW
ew > UW
ey$ > IY
ey > EY
err(?=[aeiouy]) > EH R
er > ER
(?<=[aeiouy][tdgs])es$ > AH Z
(?<=[cx])es$ > AH Z
(?<=[aeiouy]ch)es$ > AH Z
(?<=[td])ed$ > AH D
(?<=[aeiouybcdfghjklmnpqrstvwxz][kpsfxc])ed$ > T
(?<=[aeiouy].)ed$ > D
(?<=[aeiouy])e$ >
(?<=[aeiouy][bcdfghjklmnpqrstvwxz])e$ >
(?<=[aeiouy][bcdfghjklmnpqrstvwxz]{2})e$ >
(?<=[aeiouy][bcdfghjklmnpqrstvwxz])e(?=s$|ly$|ment|ful|less) >
(?<=^[bcdfghjklmnpqrstvwxz])e$ > IY
(?<=^[bcdfghjklmnpqrstvwxz]{2})e$ > IY
e(?=[bcdfgjklmnpstvz]e$) > IY
^e(?=[bcdfghjklmnpqrstvwxz][aeiouy]) > IH
(?<=[aeiouy][bcdfghjklmnpqrstvwxz])e(?=[nlt]$|nt$|nce) > AH
e(?=[bcdfghjklmnpqrstvwxz][aeiouy]) > EH
e > EH
ff > F
f > F
^gh > G
gh(?=[ei]) > G
(?<=[aeiou])gh >
^gn > N
gg > G
g(?=e$|es$|i[oa]|y$|em|en|er$) > JH
g(?=[eiy]) > JH
g > G
h(?=$|[bcdfghjklmnpqrstvwxz]) >
h > HH
igh > AY
ie$ > IY
ies$ > IY Z
ied$ > IY D
ie > IY
ing$ > IH NG
(?<=[bcdfghjklmnpqrstvwxz])ier$ > IY ER
irr?(?!$) > ER
ir > ER
i(?=[bcdfgklmnpstvz]e[sd]?$) > AY
i(?=nd$|ld$|gn) > AY
^i(?=[bcdfghjklmnpqrstvwxz][aeiou]) > AY
i$ > IY
i(?=[aou]) > IY
i > IH
j > JH
^kn > N
kk > K
k > K
(?<=[bcdfgkptsz])le$ > AH L
(?<=[bcdfgkptsz])les$ > AH L Z
ll > L
l > L
^mn > N
mm > M
m > M
ng(?=$|s$) > NG
ng(?=[aouirl]) > NG G
n(?=k|x|qu|c[^eihy]) > NG
nn > N
n > N
oar > AO R
oa > OW
oe$ > OW
oi > OY
oy > OY
ook > UH K
oor > AO R
oo > UW
ough$ > OW
ough > AO
ould > UH D
our > AO R
ous$ > AH S
ou > AW
ow$ > OW
ow > AW
(?<=[aeiouy]t)or$ > ER
or(?=$|[bcdfghjklmnpqrstvwxz]|e) > AO R
(?<=w)or > ER
o(?=[bcdfgklmnpstvz]e[sd]?$) > OW
o(?=ld|lk|ll$|st$) > OW
o$ > OW
os$ > OW Z
o(?=[aiu]) > OW
on$ > AH N
o(?=[bcdfghjklmnpqrstvwxz][iauo]) > OW
o > AA
ph > F
pp > P
^ps > S
p > P
qu > K W
q > K
rr > R
rh > R
r > R
sch > SH
sh > SH
ssi(?=[oa]) > SH
(?<=[aeiouy])si(?=on) > ZH
sc(?=[eiy]) > S
ss > S
(?<=[aeiou])s(?=e$|es$) > Z
(?<=[bdgvlmnrwy])s$ > Z
(?<=[aeiou][aeiou])s$ > Z
(?<=[aeo])s$ > Z
s > S
tch > CH
th > TH
ti(?=on|ou|al|an|en) > SH
tt > T
tu(?=re) > CH
t > T
^u(?=n[^i]|[lmp][bcdfghjklmnpqrstvwxz]) > AH
^u > Y UW
ui > UW
urr?(?!$) > ER
ur > ER
u(?=[bcdfgklmnpstvz]e[sd]?$) > UW
(?<=[gq])u(?=[ei]) >
u$ > UW
u(?=[bcdfghjklmnpqrstvwxz][aeiou]) > UW
u > AH
vv > V
v > V
wh > W
^wr > R
w > W
^x > Z
xc(?=[ei]) > K S
x > K S
^y > Y
y(?=[aou]) > Y
y(?=[bcdfgklmnpstvz]e[sd]?$) > AY
(?<=^[bcdfghjklmnpqrstvwxz])y$ > AY
(?<=^[bcdfghjklmnpqrstvwxz]{2})y$ > AY
y$ > IY
y > IH
zz > Z
z > Z
""".strip().splitlines()
)

_CONTINENTAL: Final = _compiled(
    """
ai > AY
au > AW
ao > AW
as$ > AH Z
a$ > AH
a > AA
bb > B
b > B
cc(?=[ei]) > CH
ch > CH
cch > K
ck > K
c(?=[ei]) > S
cc > K
c > K
d+ > D
eaux?$ > OW
eu > UW
ei > EY
ee > IY
ettes?$ > EH T
elles?$ > EH L
er$ > ER
es$ > EY Z
e$ > EY
e > EH
f+ > F
ghi > G IY
gh > G
gli > L IY
gn > N Y
gu(?=[ei]) > G
g(?=[ei]) > JH
gg > G
g > G
h > HH
illa > IY Y AH
ia > IY AH
io > IY OW
ie > IY EH
i > IY
j > HH
k+ > K
ll(?=[aeiou]) > Y
l+ > L
m+ > M
n(?=[kgq]) > NG
n+ > N
oi > OY
oo > UW
ou > UW
os$ > OW Z
o > OW
ph > F
p+ > P
qu(?=[ei]) > K
qu > K W
q > K
r+ > R
sci > SH IY
sch > SK
sh > SH
ss > S
s > S
tsu > T S UW
tz > T S
th > T
t+ > T
ue > W EH
ua > W AA
ui > W IY
u > UW
v > V
w > W
x > K S
y(?=[aeou]) > Y
y > IY
zz > T S
z > Z
""".strip()
    .replace("SK", "S K")
    .splitlines()
)

_ACCENTS: Final = {
    "ñ": ("N", "Y"), "é": ("EY",), "è": ("EH",), "ê": ("EH",), "ç": ("S",), "ü": ("UW",), "ö": ("ER",),
    "ä": ("EH",), "å": ("AO",), "ø": ("ER",), "æ": ("EH",),
}  # fmt: skip


def english(word: str) -> tuple[str, ...]:
    """A word as English spelling would have it; empty if nothing of it can be said."""
    return _read(word, _ENGLISH)


def continental(word: str) -> tuple[str, ...]:
    """A word with the vowels of Spanish, Italian or Japanese; empty if nothing of it can be said."""
    return _read(word, _CONTINENTAL)


def _without_accent(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def _read(word: str, rules: Rules) -> tuple[str, ...]:
    """Phones of a lower-case word; a letter with an accent gives its sound, or that of the letter without."""
    phones: list[str] = []
    plain = "".join(_without_accent(letter) for letter in word)
    at = 0
    while at < len(word):
        if sound := _ACCENTS.get(word[at]):
            phones += sound
            at += 1
            continue
        for pattern, sounds in rules.get(plain[at], ()):
            if match := pattern.match(plain, at):
                phones += sounds
                at = max(match.end(), at + 1)
                break
        else:
            at += 1  # an apostrophe, or a letter without a sound here
    return tuple(phones)
