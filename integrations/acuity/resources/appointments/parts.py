"""What belongs to one booking alone: its answers, its add-ons, and who entered it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from django.db.models import Model

from bookings.models import Addon, Answer, Appointment, AppointmentAddon, Form, Question
from integrations.acuity.reading.values import PRINT
from integrations.acuity.resources.appointments.record import (
    AnswerRecord,
    AppointmentRecord,
    parse_answers,
)
from integrations.acuity.resources.base import Context
from integrations.acuity.store.bulk import Row, insert
from integrations.acuity.store.history import Parts
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


def save(context: Context, records: list[AppointmentRecord], written: Written) -> int:
    """Write anew what belongs to the bookings that changed. How many of the restated have other
    add-ons: only their bytes say so, while answers are in a column, too."""
    others = _with_other_addons(records, written.updated | written.restated)
    changed = others | {
        pk: row
        for pk, row in written.updated.items()
        if _answered(written.had[pk]) != _answered(row[-1])
    }
    before = Parts(Appointment, AppointmentAddon, written.known & others.keys())
    others = {pk: row for pk, row in others.items() if pk in written.restated}
    if changed:
        for model in (Answer, AppointmentAddon):
            _of(model, changed).delete()
    keys = {row[0] for row in [*written.fresh, *changed.values()]}
    rich = [r for r in records if r.id in keys and (r.addons or bytes(r.forms) != NONE)]
    for record in records:
        # Only answers for single bookings say so; a listing must not take it back.
        if said := record.scheduled_by:
            _bookings(context, [record]).exclude(scheduled_by=said).update(scheduled_by=said)
    if rich:
        _fill(context, rich)
    before.keep(context.seen("appointments"))
    return len(others)


def _fill(context: Context, rich: list[AppointmentRecord]) -> None:
    """Write the answers and add-ons of these."""
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


def _answered(content_hash: str) -> tuple[str, list[str]]:
    """What answers depend on: the print of the forms, and whose they are."""
    return content_hash[PRINT : 2 * PRINT], content_hash.split(":")[1:2]


def _with_other_addons(records: list[AppointmentRecord], written: dict[int, Row]) -> dict[int, Row]:
    if not written:
        return {}
    now, had = {r.id: r.addons for r in records}, defaultdict[int, dict[str, int]](dict)
    stored = _of(AppointmentAddon, written)
    for pk, key, n in stored.values_list("appointment", "addon__external_id", "quantity"):
        had[pk][key] = n
    return {pk: row for pk, row in written.items() if had[pk] != now[row[0]]}


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
