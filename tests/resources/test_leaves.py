"""Does every value of every sample answer reach a column, or stand among the ten that are left out?

The samples are served by the sandbox and imported; where each value should be is written down here.
"""

import html
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookings import models
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.acuity.sandbox.booking import Booking
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "samples.json").read_text())
ZONE = ZoneInfo("America/Chicago")
# Secrets, what turns by the clock, what is rendered from the rest, and how a form is drawn.
OMITTED = {
    "confirmationPage",
    "confirmationPagePaymentLink",
    "canClientCancel",
    "canClientReschedule",
    "formsText",
    "isVerified",
    "schedulingUrl",
    "description of a block",
    "remainingValueLocal",
    "fieldWidget",
}
# Kept as the times that they render.
RENDERED = {"date", "time", "endTime", "dateCreated"}
SAME = {"id": "external_id", "name": "name"}
TYPE = {
    **SAME,
    "active": "active",
    "description": "description",
    "duration": "duration",
    "price": "price",
    "category": "category",
    "color": "color",
    "private": "private",
    "type": "kind",
    "image": "image",
    "classSize": "class_size",
    "paddingAfter": "padding_after",
    "paddingBefore": "padding_before",
    "calendarIDs": "calendars__external_id",
    "addonIDs": "addons__external_id",
    "formIDs": "forms__external_id",
}
BOOKING = {
    "id": "external_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "phone",
    "email": "email",
    "datetimeCreated": "created_at",
    "datetime": "starts_at",
    "price": "price",
    "priceSold": "price_sold",
    "paid": "paid",
    "amountPaid": "amount_paid",
    "type": "type_name",
    "appointmentTypeID": "appointment_type__external_id",
    "classID": "class_id",
    "addonIDs": "addons__addon__external_id",
    "category": "category",
    "duration": "duration",
    "calendar": "calendar_name",
    "calendarID": "calendar__external_id",
    "certificate": "certificate",
    "location": "location",
    "notes": "notes",
    "timezone": "timezone",
    "calendarTimezone": "calendar_timezone",
    "canceled": "canceled",
    "noShow": "no_show",
    "labels.id": "label__external_id",
    "labels.name": "label__name",
    "labels.color": "label__color",
    "labels": "label",
    "forms": "answers",
    "forms.id": "answers__form__external_id",
    "forms.name": "answers__form_name",
    "forms.values.id": "answers__external_id",
    "forms.values.fieldID": "answers__question__external_id",
    "forms.values.value": "answers__value",
    "forms.values.name": "answers__question_text",
    "scheduledBy": "scheduled_by",
}
ORDER = {
    "id": "external_id",
    "total": "total",
    "time": "placed_at",
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "phone",
    "email": "email",
    "notes": "notes",
    "status": "status",
    "title": "title",
    "products.id": "lines__product__external_id",
    "products.name": "lines__product_name",
    "products.quantity": "lines__quantity",
    "products.total": "lines__total",
}
PAYMENT = {
    "transactionID": "transaction_id",
    "created": "paid_at",
    "processor": "processor",
    "amount": "amount",
}
COLUMNS: dict[str, tuple[Any, dict[str, str]]] = {
    "/calendars": (
        models.Calendar,
        {
            **SAME,
            "email": "email",
            "replyTo": "reply_to",
            "description": "description",
            "location": "location",
            "timezone": "timezone",
            "thumbnail": "thumbnail",
            "image": "image",
            "isValid": "valid",
        },
    ),
    "/appointment-types": (models.AppointmentType, TYPE),
    "/appointment-addons": (
        models.Addon,
        {
            **SAME,
            "duration": "duration",
            "price": "price",
            "private": "private",
            "active": "active",
        },
    ),
    "/forms": (
        models.Form,
        {
            **SAME,
            "description": "description",
            "hidden": "hidden",
            "appointmentTypeIDs": "appointment_types__external_id",
            "fields.id": "questions__external_id",
            "fields.name": "questions__text",
            "fields.required": "questions__required",
            "fields.type": "questions__kind",
            "fields.options": "questions__options",
        },
    ),
    "/labels": (models.Label, {**SAME, "color": "color"}),
    "/clients": (
        models.Client,
        {
            "firstName": "first_name",
            "lastName": "last_name",
            "email": "email",
            "phone": "phone",
            "notes": "notes",
        },
    ),
    "/appointments": (models.Appointment, BOOKING),
    "/appointments/1550000001": (models.Appointment, BOOKING),
    "/appointments/1550000002/payments": (models.Payment, PAYMENT),
    "/appointments/1550000005/payments": (models.Payment, PAYMENT),
    "/appointments/1550000006/payments": (models.Payment, PAYMENT),
    "/blocks": (
        models.Block,
        {
            "id": "external_id",
            "calendarID": "calendar__external_id",
            "serviceGroupID": "service_group",
            "calendarTimezone": "calendar_timezone",
            "start": "starts_at",
            "end": "ends_at",
            "notes": "notes",
            "managed": "managed",
            "recurring": "recurring",
            "until": "until",
        },
    ),
    "/certificates": (
        models.Certificate,
        {
            "id": "external_id",
            "certificate": "code",
            "kind": "kind",
            "productID": "product__external_id",
            "orderID": "order__external_id",
            "appointmentTypeIDs": "types__appointment_type__external_id",
            "appointmentTypes.*": "types__appointment_type__name",
            "name": "name",
            "email": "email",
            "productType": "product_type",
            "type": "type",
            "remainingCounts.*": "types__remaining_count",
            "remainingCounts": "types__remaining_count",
            "remainingMinutes": "remaining_minutes",
            "remainingValue": "remaining_value",
            "expiration": "expires_on",
        },
    ),
    "/products": (
        models.Product,
        {
            **SAME,
            "description": "description",
            "price": "price",
            "type": "type",
            "kind": "kind",
            "hidden": "hidden",
            "unavailable": "unavailable",
            "expires": "expires_days",
            "appointmentTypeIDs": "types__appointment_type__external_id",
            "appointmentTypeCounts.*": "types__count",
            "appointmentTypeCounts": "types__count",
            "minutes": "minutes",
            "value": "value",
            "isGiftCertificate": "is_gift_certificate",
        },
    ),
    "/orders": (models.Order, ORDER),
    "/orders/162000001": (models.Order, ORDER),
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """The samples as the sandbox's account."""
    account = make_account(clients=1, appointments=0, months=1)
    account.clients[:] = SAMPLES["/clients"]
    for path, rows in SAMPLES.items():
        name = path.strip("/")
        if name in account.lists:
            account.lists[name][:] = rows
    for row in SAMPLES["/appointments"]:
        at = int(datetime.fromisoformat(row["datetime"]).timestamp())
        kind = next(t for t in account.appointment_types if t["id"] == row["appointmentTypeID"])
        room = next(c for c in account.calendars if c["id"] == row["calendarID"])
        booking = Booking(row["id"], at, at, account.persons[0], kind, room, over=row)
        account.bookings[row["id"]] = booking
        account.index.append((at, row["id"]))
        account.payments[row["id"]] = SAMPLES.get(f"/appointments/{row['id']}/payments", [])
    account.index.sort()
    with Sandbox(account, SandboxOptions()) as box:
        yield box


@pytest.fixture
def imported(box: Sandbox) -> None:
    run = import_all(box)
    assert run.status == "completed", run.gaps
    account = AcuityAccount.objects.get()
    refresh.request(account, "1550000001")
    assert "rejected" in refresh.perform(account.pk, "1550000001")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of each: lists add nothing to a path, the IDs that are keys are `*`."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            step = "*" if key.isdecimal() else key
            yield from leaves(inner, f"{path}.{step}" if path else step)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def every_leaf() -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    for path, body in SAMPLES.items():
        for record in body if isinstance(body, list) else [body]:
            for leaf, value in leaves(record):
                yield path, record, leaf, value


def left_out(path: str, leaf: str) -> bool:
    last = leaf.rpartition(".")[2]
    described = f"{last} of a block" if path == "/blocks" else last
    return described in OMITTED or (path.startswith("/appointments") and leaf in RENDERED)


def rows_of(path: str, record: dict[str, Any]) -> Any:
    model, _ = COLUMNS[path]
    if model is models.Payment:
        return model.objects.filter(appointment__external_id=path.split("/")[2])
    if model is models.Client:
        names = {"first_name": record["firstName"], "last_name": record["lastName"]}
        return model.objects.filter(**names)
    return model.objects.filter(external_id=str(record["id"]))


def same(value: Any, stored: Any) -> bool:
    if isinstance(stored, bool):
        return stored == (value in (True, "yes"))
    if value in (None, "", False, []):
        return stored in (None, "", 0)
    if isinstance(stored, list):
        return value in stored
    if isinstance(stored, Decimal):
        return stored == Decimal(str(value))
    if isinstance(stored, datetime):
        at = datetime.fromisoformat(value)
        return stored == (at if at.tzinfo else at.replace(tzinfo=ZONE))
    if isinstance(stored, date):
        return stored.isoformat() == value
    return str(stored) == html.unescape(str(value).strip())


def test_there_are_at_most_ten_omissions() -> None:
    assert len(OMITTED) <= 10


@pytest.mark.long
@pytest.mark.usefixtures("imported")
def test_every_value_of_every_sample_is_in_a_column_or_left_out_by_name() -> None:
    missing, seen = [], 0
    for path, record, leaf, value in every_leaf():
        seen += 1
        if left_out(path, leaf):
            continue
        column = COLUMNS[path][1].get(leaf)
        stored = [] if column is None else rows_of(path, record).values_list(column, flat=True)
        empty = value in (None, "", False, []) and not stored
        if not (column and (empty or any(same(value, each) for each in stored))):
            missing.append((path, record.get("id"), leaf, value, list(stored)))

    assert missing == []
    assert seen > 500


@pytest.mark.long
@pytest.mark.usefixtures("imported")
def test_all_answers_to_a_question_are_one_query() -> None:
    answers = models.Answer.objects.filter(question__external_id="7100003")

    assert [answer.value for answer in answers] == ["Balayage, Gloss"]
    assert answers[0].question.options == ["Balayage", "Gloss", "Cut"]


@pytest.mark.long
@pytest.mark.usefixtures("imported")
def test_an_add_on_that_is_booked_twice_is_one_row_with_its_quantity() -> None:
    rows = models.AppointmentAddon.objects.filter(appointment__external_id="1550000002")

    assert [(row.addon.name, row.quantity) for row in rows] == [("Gloss", 2)]


@pytest.mark.long
def test_a_booking_keeps_what_its_client_was_called(box: Sandbox) -> None:
    import_all(box)
    entry = next(each for each in box.account.clients if each["firstName"] == "Ada")
    email, entry["email"] = entry["email"], "moved@example.com"

    import_all(box)

    booking = models.Appointment.objects.get(external_id="1550000001")
    assert (booking.email, booking.client.email) == (email, "moved@example.com")
    entry["email"] = email
