"""What belongs to one booking alone: its answers, its add-ons, and who entered it."""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db.models import Model

from bookings.models import Addon, Answer, Appointment, AppointmentAddon, Form, Question
from integrations.acuity.reading.records import AnswerRecord, AppointmentRecord, parse_answers
from integrations.acuity.resources.base import Context
from integrations.acuity.store.bulk import insert
from integrations.acuity.store.references import Ref, find_or_make
from integrations.acuity.store.upsert import Written

NONE = b"[]"
ADDON = ["appointment_id", "addon_id", "quantity"]
ANSWER = [
    "appointment_id",
    "form_id",
    "form_name",
    "question_id",
    "external_id",
    "question_text",
    "value",
]


def save(context: Context, records: list[AppointmentRecord], written: Written) -> None:
    """Write anew what belongs to the bookings that were written."""
    if written.updated:
        for model in (Answer, AppointmentAddon):
            _of(model, written.updated).delete()
    fresh = {row[0] for row in written.fresh}
    keys = fresh | {row[0] for row in written.updated.values()}
    rich = [r for r in records if r.id in keys and (r.addons or bytes(r.forms) != NONE)]
    for record in records:
        # Only answers for single bookings say so; a listing must not take it back.
        if said := record.scheduled_by:
            _bookings(context, [record]).exclude(scheduled_by=said).update(scheduled_by=said)
    if not rich:
        return
    pks = dict(_bookings(context, rich).values_list("external_id", "pk"))
    answers = {r.id: parse_answers(msgspec.json.decode(r.forms)) for r in rich}
    refs = {ref for found in answers.values() for answer in found for ref in _refs(answer)}
    refs |= {Ref(Addon, key) for record in rich for key in record.addons}
    known = find_or_make(context.account, sorted(refs, key=str), "appointments")
    forms, questions = known.get(Form, {}), known.get(Question, {})
    rows: list[tuple[Any, ...]] = [
        (
            pks[key],
            forms.get(a.form_id),
            a.form_name,
            questions.get(a.question_id),
            a.id,
            a.question_text,
            a.value,
        )
        for key, found in answers.items()
        for a in found
    ]
    if rows:
        insert(Answer, ANSWER, rows)
    addons = known.get(Addon, {})
    rows = [(pks[r.id], addons[key], n) for r in rich for key, n in r.addons.items()]
    if rows:
        insert(AppointmentAddon, ADDON, rows)


def _refs(answer: AnswerRecord) -> Iterable[Ref]:
    # The names are as they were then: only the ID tells one question from another.
    if answer.form_id:
        yield Ref(Form, answer.form_id, (("name", answer.form_name[:255]),))
    if answer.question_id:
        yield Ref(Question, answer.question_id, (("text", answer.question_text),))


def _of(model: type[Model], appointments: Iterable[int]) -> Any:
    return model._default_manager.filter(appointment__in=list(appointments))


def _bookings(context: Context, records: list[AppointmentRecord]) -> Any:
    return context.account.rows(Appointment).filter(external_id__in=[r.id for r in records])
