"""Forms: what clients are asked. Questions are rows of their own, because answers refer to them."""

from typing import Any

from django.utils import timezone

from bookings.models import Form, Question
from integrations.acuity.reading.values import Reject, digest, listed, number, plain, text, yes
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.records import Record
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.history import update
from integrations.acuity.store.references import Keys
from integrations.acuity.store.upsert import upsert

QUESTION = [
    "external_id",
    "form_id",
    "position",
    "text",
    "kind",
    "required",
    "options",
    "known_from",
    "removed_at",
    "raw",
    "content_hash",
]


class Forms(Whole):
    name, title, noun = "forms", "Forms", "form"
    path, model = "/forms", Form
    columns = ("name", "description", "hidden")
    proves_cut = ("appointment_types",)

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        questions(payload)
        return (
            text(payload.get("name"), "name").strip()[:255],
            plain(payload.get("description")),
            yes(payload.get("hidden")),
        )

    def unlisted(self, context: Context) -> dict[str, int]:
        """The questions that answers alone name, too."""
        questions = context.account.rows(Question).exclude(known_from="")
        found, n = super().unlisted(context), questions.count()
        return found | ({"answers": n} if n else {})

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        """A question that a form no longer asks stays, with its answers, and is marked."""
        # By key: two forms may ask the same question, and it is a row of the last one.
        rows = {
            key: (key, form, *values, "", None, raw, digest([form, *values]))
            for form, record in records.items()
            for key, *values, raw in questions(record.payload)
        }
        seen = context.seen("questions")
        written = upsert(context.account, Question, QUESTION, list(rows.values()), seen=seen)
        asked = Question.objects.filter(form__in=list(records), removed_at=None)
        gone = asked.exclude(external_id__in=rows)
        changed = set(gone.values_list("form_id", flat=True))
        update(seen, gone, removed_at=timezone.now(), content_hash="")
        return changed | {row[1] for row in [*written.fresh, *written.updated.values()]}


def questions(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """ID, position, text, kind, required, options and payload of each. Raises Reject."""
    fields = listed(payload.get("fields"))
    if fields is None or not all(isinstance(each, dict) for each in fields):
        raise Reject("fields is not a list of questions")
    return [
        (
            number(each.get("id"), "fields.id"),
            position,
            plain(each.get("name")),
            plain(each.get("type"))[:32],
            yes(each.get("required")),
            [plain(option) for option in listed(each.get("options")) or []],
            each,
        )
        for position, each in enumerate(fields)
    ]
