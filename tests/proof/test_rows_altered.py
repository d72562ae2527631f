"""Is a row that something else deleted, changed or added found? Of each resource, when a run is proven
again: the source is as it was, and its digest still stands in the row."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.db.models import Model, RestrictedError
from django.utils import timezone

from bookings.models import Form, Question
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Resource
from integrations.acuity.sandbox import Sandbox
from tests.conftest import import_all, prove_again
from tests.later import prove_later

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
# What the importer keeps for itself, and what it says of a row that it has written.
OWN = {
    *("id", "first_seen", "content_hash", "fingerprint", "raw", "review", "name_key"),
    *("missing_since", "removed_at", "payment_state", "payments_read_at", "payments_fetched_for"),
    *("payments_fetched", "payments_fetched_sum", "listed", "known_from", "scheduled_by", "forms"),
}
IDENTITY = {"tenant", "source", "source_account", "external_id", "currency"}


def live(resource: Resource) -> Any:
    """The resource's rows that the source has."""
    rows = resource.model._default_manager.order_by("pk")
    names = {field.name for field in rows.model._meta.concrete_fields}
    said = {"removed_at": None, "known_from": "", "listed": True}
    return rows.filter(**{name: value for name, value in said.items() if name in names})


def every_row(resource: Resource) -> list[Any]:
    """What it refers to by its ID: the database gives other keys to rows that come back."""
    fields = [field for field in resource.model._meta.concrete_fields if field.name not in OWN]
    ours = ("tenant", "source_account")
    kept = [f.name + "__external_id" * (f.is_relation and f.name not in ours) for f in fields]
    return list(live(resource).order_by("external_id").values_list(*kept))


def other(field: Any, value: Any) -> Any:
    """Another value than this one."""
    match field:
        case models.BooleanField():
            return not value
        case models.DecimalField():
            return (value or Decimal(0)) + 1
        case models.DateTimeField() | models.DateField():
            return value + timedelta(days=1)
        case models.IntegerField():
            return (value or 0) + 1
    return "else"


def every_question() -> list[Any]:
    rows = Question.objects.filter(known_from="", removed_at=None).order_by("external_id")
    names = [field.attname for field in columns(Question)]
    return list(rows.values_list("form__external_id", "options", *names))


@pytest.mark.parametrize("harm", ["change", "delete", "move", "empty", "mark"])
def test_the_questions_of_a_form_are_found(box: Sandbox, harm: str) -> None:
    forms = box.account.lists["forms"]
    asked = [field | {"id": field["id"] + 5000} for field in forms[0]["fields"]]
    forms.append(forms[0] | {"id": 88001, "fields": asked})
    run = import_all(box, only=("forms",))
    before = every_question()
    assert run.verified and len(before) >= 4
    row = Question.objects.filter(form__external_id="88001").first()
    assert row
    this = Question.objects.filter(pk=row.pk)
    match harm:
        case "change":
            for question, field in zip(Question.objects.all(), columns(Question), strict=False):
                setattr(question, field.attname, other(field, getattr(question, field.attname)))
                question.save()
        case "delete":
            this.delete()
        case "move":
            this.update(form=Form.objects.get(external_id=forms[0]["id"]))
        case "empty":
            this.update(options=["else"])
        case "mark":
            this.update(removed_at=timezone.now())
    assert every_question() != before

    run = prove_again(run)

    assert every_question() == before and run.verified, run.gaps


def columns(model: type[Model]) -> list[Any]:
    return [
        field
        for field in model._meta.concrete_fields
        if not (
            field.is_relation
            or field.name in OWN | IDENTITY
            or field.get_internal_type() == "JSONField"
        )
    ]


def delete(resource: Resource) -> None:
    """A row, with the bookings that cannot be without it."""
    row = live(resource).last()
    try:
        row.delete()
    except RestrictedError as kept:
        for booking in kept.restricted_objects:
            booking.delete()
        row.delete()


def change(resource: Resource) -> None:
    """Each column, of one row after the other."""
    rows = list(live(resource))
    for n, field in enumerate(columns(resource.model)):
        row = rows[n % len(rows)]
        if (had := getattr(row, field.attname)) is not None:
            values = {field.attname: other(field, had)}
            resource.model._default_manager.filter(pk=row.pk).update(**values)


def add(resource: Resource) -> None:
    row = live(resource).first()
    row.pk, row.external_id, row._state.adding = None, "9990009", True
    row.save()


def test_each_is_found(box: Sandbox) -> None:
    forms = box.account.lists["forms"]
    # Of a list of one, another row would be half: that is named, and only a person decides.
    forms += [forms[0] | {"id": n} for n in (88001, 88002)]
    run = import_all(box)
    known = RESOURCES.values()
    before = {resource.name: every_row(resource) for resource in known}
    assert run.verified and all(before.values())

    for harm in (change, add, delete):
        for resource in known:
            harm(resource)
        harmed = {resource.name: every_row(resource) for resource in known}
        assert not [name for name in before if harmed[name] == before[name]], harm

        run = prove_again(run)
        if not run.verified:
            prove_later(run)

        healed = {resource.name: every_row(resource) for resource in known}
        assert [name for name in before if healed[name] != before[name]] == [], harm
        assert run.verified, run.gaps
