"""Which phone numbers does somebody mean who types one, in whatever form?"""

import contextlib
import re
from typing import Any

from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.db.models.functions import Replace
from django.db.models.lookups import Contains

# What people write between digits.
BETWEEN = " ()-./+\u00a0"
LOOKS_LIKE_ONE = re.compile(r"[\d\s()+./\-\u00a0]{4,30}")
FEWEST = 4
# The digits that are left of a number without its country, at most: more are the country's.
NATIONAL = 10


def digits(text: str) -> str:
    """The national digits of what was typed; nothing if that is no phone number."""
    text = text.strip()
    if not LOOKS_LIKE_ONE.fullmatch(text):
        return ""
    found = re.sub(r"\D", "", text)
    if text.startswith("+"):
        import phonenumbers

        with contextlib.suppress(phonenumbers.NumberParseException):
            found = str(phonenumbers.parse(text).national_number)
    found = found.lstrip("0")[-NATIONAL:]
    return found if len(found) >= FEWEST else ""


def having(column: str, wanted: str) -> Q:
    """The rows whose `column`, however it is written, has these digits in a row."""
    bare: Any = F(column)
    for mark in BETWEEN:
        bare = Replace(bare, Value(mark), output_field=TextField())
    # Few rows have these digits in this order at all: of the others nothing need be replaced.
    near = Func(
        F(column),
        Value(f"%{'%'.join(wanted)}%"),
        template="(%(expressions)s)",
        arg_joiner=" LIKE ",
        output_field=BooleanField(),
    )
    return Q(near) & Q(Contains(bare, wanted))
