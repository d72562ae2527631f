"""What may be said of a list that comes whole? With its gaps."""

from collections.abc import Iterator
from typing import Any

from integrations.acuity.reading.findings import NAMED, Gap, named
from integrations.acuity.resources.base import BY_COLUMN, BY_DIGEST, Context, Said, many
from integrations.acuity.resources.whole.listing import Listing


def statement(resource: Listing, context: Context, cursor: dict[str, Any]) -> Said:
    stored = resource.stored(context.scope)
    if "refused" in cursor:
        return _not_asked(resource, cursor["refused"], stored)
    alike, at = cursor.get("alike", False), cursor.get("held")
    held_since = [f"the import's own list, the one proven at {at}"] if at else []
    looks = ["listed twice, alike" if alike else "listed twice, not alike"]
    if cursor.get("own"):
        looks = [] if at else ["the import's own list"]
    unlisted = resource.unlisted(context)
    gaps = [*map(Gap.of, cursor.get("gaps", [])), *_gaps(resource, cursor, unlisted)]
    scope = {
        "listed": cursor.get("listed", 0),
        "stored": stored,
        "evidence": [
            *held_since,
            *looks,
            *cursor.get("evidence", []),
            BY_DIGEST if at or cursor.get("own") else BY_COLUMN,
        ],
    }
    if unlisted:
        scope["only_named"] = unlisted
    if gone := cursor.get("gone", 0):
        scope["no_longer_listed"] = gone
    if deaf := cursor.get("ignored"):
        scope["unproven"] = (
            f"Acuity ignores {', '.join(deaf)} in its list of {resource.title.lower()}: where that ends"
            " cannot be told."
        )
    if unlisted or gone:
        scope["unproven"] = (
            f"Whether {resource.title.lower()} that are not listed were deleted, or are left out,"
            " their list cannot say."
        )
    return Said(scope, gaps, ignored=cursor.get("ignored", []))


def _not_asked(resource: Listing, status: int, stored: int) -> Said:
    why = f"Acuity refuses this account its {resource.title.lower()} (status {status})."
    gap = Gap(resource.name, f"{why} {many(stored, resource.noun)} stored before.")
    return Said({"not_asked": why, "stored": stored}, [gap] if stored else [])


def _gaps(resource: Listing, cursor: dict[str, Any], unlisted: dict[str, int]) -> Iterator[Gap]:
    what = resource.title.lower()
    if not cursor.get("alike", False):
        reason = f"Acuity's {what} were different each time they were listed."
        yield Gap(resource.name, reason)
    if cut := cursor.get("cut", 0):
        reason = f"Acuity cuts its {what} short: another question showed {cut:,} more."
        yield Gap(resource.name, reason, missing=cut)
    if told := cursor.get("told"):
        which = f"{many(len(told), resource.noun)}{named(told)}"
        reason = f"Acuity says two different things about {which}, depending on how it is asked."
        yield Gap(resource.name, reason, found=len(told), ids=told[:NAMED])
    for source in resource.proves_cut:
        if n := unlisted.get(source, 0):
            which = f"{many(n, resource.noun)} that {source.replace('_', ' ')} name"
            yield Gap(resource.name, f"{which}, and no list shows.", missing=n)
    if n := cursor.get("refused_gone", 0):
        reason = (
            f"{many(n, resource.noun)} stored that Acuity no longer lists, half or more;"
            " import with --accept-removals if that is right."
        )
        yield Gap(resource.name, reason, extra=n)
