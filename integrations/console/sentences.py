"""How does a page say in its reader's language what the rooms below say in English?

Logs, JSON, the terminal and what is stored stay English; a page translates a sentence when it shows
it. The sentences are listed in `phrases`; their variable parts are translated in turn. A sentence that
is not listed, a record's own words say, is shown as it is.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache

from django.utils import dateformat
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext

from integrations.console.phrases import SENTENCES

Sentences = list[tuple[str, re.Pattern[str]]]
# Variable parts that are numbers; of the others, one that must not reach into the next sentence.
NUMBERS = ("n", "status", "nights", "lists", "left", "done", "all")
WITHIN = ("parts", "what")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# As the rooms below write a day.
DAY = re.compile(rf"\b([12]?\d|3[01]) ({'|'.join(MONTHS)})\b")
NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})*(?:\.\d+)?|-?\d+(?:\.\d+)?")
# So many characters of its own make a sentence that is not taken for another.
TELLING = 25
END = re.compile(r"(.*?)([,.;:]?)", re.DOTALL)


def said(text: object) -> str:
    """`text`, a sentence or several, in the reader's language."""
    language = get_language() or "en"
    return str(text) if language.startswith("en") else _said(str(text), language)


@lru_cache(maxsize=4096)
def _said(text: str, _language: str) -> str:
    if not text.strip() or (known := _known(text)) is None:
        return text
    return DAY.sub(_day, known)


def _known(text: str) -> str | None:
    """Its translation, if it or some part of it is listed."""
    if NUMBER.fullmatch(text):
        return _number(text)
    if text in SENTENCES:
        return gettext(text)
    telling, vague = _patterns()
    return (
        _filled(text, telling)
        or _cut(text, r"(?<=\.) ")
        or _cut(text, r"(?<=;) ")
        or _filled(text, vague)
        or _cut(text, r"(?<=,) ")
    )


def _filled(text: str, sentences: Sentences) -> str | None:
    for sentence, pattern in sentences:
        if found := pattern.fullmatch(text):
            parts = {name: _known(part) or part for name, part in found.groupdict().items()}
            return gettext(sentence).format(**parts)
    return None


def _cut(text: str, where: str) -> str | None:
    """Part by part, if one of them is listed."""
    parts = re.split(where, text)
    found = [_part(part) for part in parts] if len(parts) > 1 else []
    if not any(found):
        return None
    return " ".join(known or part for known, part in zip(found, parts, strict=True))


def _part(text: str) -> str | None:
    """As `_known`, with the mark at its end apart where it is not listed with it."""
    if (whole := _known(text)) is not None:
        return whole
    ended = END.fullmatch(text)
    if ended is None or not ended[2] or (bare := _known(ended[1])) is None:
        return None
    return bare + ended[2]


def _day(found: re.Match[str]) -> str:
    """`5 Mar`, as a reader writes it."""
    month = MONTHS.index(found[2]) + 1
    return dateformat.format(date(2000, month, int(found[1])), gettext("j M"))


def _number(text: str) -> str:
    whole, _, decimals = text.replace(",", "").partition(".")
    grouped = "," in text or bool(decimals)
    value = f"{whole}.{decimals}" if decimals else whole
    return number_format(value, len(decimals) or None, force_grouping=grouped)


@cache
def _patterns() -> tuple[Sentences, Sentences]:
    """The sentences with variable parts, those with most words of their own first; then the rest."""
    own = {s: len(re.sub(r"\{\w+\}", "", s)) for s in SENTENCES if "{" in s}
    ordered = sorted(own, key=lambda sentence: -own[sentence])
    telling = [(s, _pattern(s)) for s in ordered if own[s] >= TELLING]
    return telling, [(s, _pattern(s)) for s in ordered if own[s] < TELLING]


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(sentence)), re.DOTALL)


def _pieces(sentence: str) -> Iterator[str]:
    for piece in re.split(r"(\{\w+\})", sentence):
        name = piece[1:-1]
        if not piece.startswith("{"):
            yield re.escape(piece)
        elif name in NUMBERS:
            yield rf"(?P<{name}>-?[\d,.]+)"
        elif name in WITHIN:
            yield rf"(?P<{name}>[^.;:]+?)"
        else:
            yield rf"(?P<{name}>.{'*' if name == 'ids' else '+'}?)"
