"""Forms: what clients are asked. Questions are rows of their own, because answers refer to them."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from bookings.models import Form, Question
from integrations.acuity.reading.values import Reject, digest, listed, number, plain, text, yes
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.records import Record
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.history import update
from integrations.acuity.store.references import Keys
from integrations.acuity.store.upsert import upsert

COLUMNS = ["external_id", "form_id", "position", "text", "kind", "required", "options"]
QUESTION = [*COLUMNS, "known_from", "removed_at", "raw", "content_hash"]


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

    def incomplete(self, records: dict[int, Record], keys: Keys) -> set[int]:
        wanted = {key: tuple(values) for key, (*values, _) in _asked(records).items()}
        stored = {key: tuple(values) for key, *values in _stored(records).values_list(*COLUMNS)}
        return {
            form
            for some, others in ((wanted, stored), (stored, wanted))
            for key, (form, *values) in some.items()
            if others.get(key) != (form, *values)
        }

    def unlisted(self, context: Context) -> dict[str, int]:
        """The questions that answers alone name, too."""
        questions = context.account.rows(Question).exclude(known_from="")
        found, n = super().unlisted(context), questions.count()
        return found | ({"answers": n} if n else {})

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        """A question that a form no longer asks stays, with its answers, and is marked."""
        rows = [
            (key, *values, "", None, raw, digest(values))
            for key, (*values, raw) in _asked(records).items()
        ]
        seen = context.seen("questions")
        # Whatever digest stands there: only forms that have changed, or were altered, are written.
        written = upsert(context.account, Question, QUESTION, rows, seen=seen, anew=True)
        gone = _stored(records).exclude(external_id__in=[key for key, *_ in rows])
        changed = set(gone.values_list("form_id", flat=True))
        update(seen, gone, removed_at=timezone.now(), content_hash="")
        return changed | {row[1] for row in [*written.fresh, *written.updated.values()]}


def _asked(records: dict[int, Record]) -> dict[str, tuple[Any, ...]]:
    """Form, position, text, kind, required, options and payload of each question, by ID: two forms
    may ask the same one, and it is a row of the last of them."""
    return {
        key: (form, *values)
        for form, record in records.items()
        for key, *values in questions(record.payload)
    }


def _stored(records: dict[int, Record]) -> QuerySet[Question]:
    return Question.objects.filter(form__in=list(records), removed_at=None)


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
