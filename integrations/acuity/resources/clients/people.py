"""Is the client list whole? It has no end of its own, so it is read twice, and searched."""

from collections.abc import Iterable
from itertools import islice
from string import ascii_lowercase, digits
from typing import Any

from django.db.models import QuerySet

from bookings.models import Client
from integrations.acuity.reading import listing
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.values import fingerprint
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.clients.save import list_clients

# So often the list is compared with its search, if it changes meanwhile.
TRIES = 3
# So many people who are known only from bookings, or were listed before, are searched for by name.
ASKED = 5
# So many characters are searched for, none of them in more than this share of the listed names:
# an answer to such a search is shorter than the list, so it is not cut where that is.
LETTERS, SHARE = 3, 0.7
SAMPLE = 5000
DIFFERS = Gap("clients", "Acuity's client list was different each time it was asked for.")


def read(
    context: Context, tries: int = TRIES, had: str = ""
) -> tuple[list[bytes], dict[str, Any], list[Gap]]:
    """The entries, what the readings have shown (`entries`, `alike`, `cut`, `digest`, and how many
    `strangers` there were to search for), and the gaps.

    The longest of two answers, or of three where they differ; with whom a search shows beside them. One
    is enough if the import has just `had` the very same, by its digest. If the list shows those by now,
    it has changed meanwhile: all of it again, `tries` times in all.
    """
    first = second = list_clients(context)
    if digest_of(first) != had:
        second = list_clients(context)
    if sorted(first) != sorted(second):
        first, second = second, list_clients(context)
    entries = max(first, second, key=len)
    alike = sorted(first) == sorted(second)
    gaps = [] if alike else [DIFFERS]
    if hidden := _hidden(context, entries):
        if tries > 1 and came_since(context, hidden):
            return read(context, tries - 1)
        hidden |= searched(context, {*entries, *hidden}, [*ascii_lowercase, *digits])
        gaps.append(cut(len(hidden)))
    whole = [*entries, *sorted(hidden)]
    facts = {
        "entries": len(whole),
        "alike": alike,
        "cut": bool(hidden),
        "digest": digest_of(whole),
        "strangers": strangers(context).count(),
    }
    return whole, facts, gaps


def came_since(context: Context, hidden: set[bytes]) -> bool:
    """Whether the list shows these entries by now, which it did not show a moment ago."""
    return hidden <= set(list_clients(context))


def digest_of(entries: list[bytes]) -> str:
    """Alike for lists of the same entries in whatever order."""
    return fingerprint(b"\n".join(sorted(entries)))


def searched(context: Context, listed: set[bytes], names: list[str]) -> set[bytes]:
    """Entries that a search shows and the list does not."""
    return _beside((list_clients(context, search=name) for name in names), listed)


def _beside(answers: Iterable[list[bytes]], listed: set[bytes]) -> set[bytes]:
    found = {entry for answer in answers for entry in answer}
    return found - listed


def _hidden(context: Context, entries: list[bytes]) -> set[bytes]:
    """Entries that the list does not show, searched for by characters, and by the names of strangers
    whom none of these would have shown."""
    answers = {letter: list_clients(context, search=letter) for letter in _letters(entries)}
    heard = {letter for letter, found in answers.items() if found}
    names = _strangers(context, heard)
    listed = set(entries)
    return _beside(answers.values(), listed) | searched(context, listed, names)


def cut(hidden: int) -> Gap:
    reason = (
        f"Acuity cuts its client list short: {hidden:,} more of its entries were found by"
        " searching; people without a booking may be missing."
    )
    return Gap("clients", reason, found=hidden)


def strangers(context: Context) -> QuerySet[Client]:
    """Who is known only from bookings."""
    return context.account.rows(Client).filter(listed=False)


def _strangers(context: Context, heard: set[str]) -> list[str]:
    """Names of some who are known only from bookings, and have none of the characters in them."""
    people = strangers(context).order_by("pk").values_list("first_name", "last_name")
    whole = ((first, last) for first, last in people.iterator())
    return _rarer(names for names in whole if not heard & set("".join(names).lower()))


def some_names(people: QuerySet[Client]) -> list[str]:
    """A name of some of these, in each the first one that another does not have."""
    return _rarer(people.values_list("first_name", "last_name"))


def _rarer(people: Iterable[tuple[str, str]]) -> list[str]:
    names: dict[str, None] = {}
    for first, last in islice(people, ASKED * 4):
        if name := next((name for name in (first, last) if name and name not in names), ""):
            names[name] = None
    return list(names)[:ASKED]


def _letters(entries: list[bytes]) -> list[str]:
    """Characters that together are in the names of most entries, and each in not too many."""
    step = max(1, len(entries) // SAMPLE)
    names = [_name(entry) for entry in entries[::step]]
    waiting = [set(name) for name in names if name]
    most, chosen = SHARE * len(waiting), list[str]()
    while waiting and len(chosen) < LETTERS:
        counts = {c: sum(c in name for name in names) for c in set().union(*waiting)}
        fitting = [c for c, n in counts.items() if n <= most]
        if not fitting:
            break
        best = max(fitting, key=lambda c: (sum(c in name for name in waiting), c))
        chosen.append(best)
        waiting = [name for name in waiting if best not in name]
    return chosen or ["a"]


def _name(entry: bytes) -> str:
    """The letters and digits of an entry's name."""
    person = listing.opened(entry)
    if not isinstance(person, dict):
        return ""
    whole = f"{person.get('firstName') or ''}{person.get('lastName') or ''}"
    return "".join(filter(str.isalnum, whole.lower()))
