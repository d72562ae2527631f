"""Do products, orders, certificates and blocks arrive whole, with what they refer to?"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bookings.models import (
    Addon,
    Appointment,
    AppointmentType,
    Block,
    Certificate,
    Client,
    Form,
    Order,
    OrderLine,
    Product,
    Question,
)
from integrations.acuity.sandbox import Sandbox
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
LISTS = {
    "appointment-addons": Addon,
    "appointment-types": AppointmentType,
    "forms": Form,
    "products": Product,
    "orders": Order,
    "certificates": Certificate,
    "blocks": Block,
}


@pytest.mark.long
def test_all_of_them_arrive_and_a_second_import_writes_nothing(box: Sandbox) -> None:
    first = import_all(box)

    assert (first.status, first.gaps) == ("completed", [])
    for name, model in LISTS.items():
        rows = model._default_manager.filter(known_from="", removed_at=None)
        assert rows.count() == len(box.account.lists[name]), name
    second = import_all(box)
    assert [s.resource for s in second.steps.all() if s.created or s.updated] == []


@pytest.mark.long
def test_an_order_has_its_lines_its_time_and_its_client(box: Sandbox) -> None:
    import_all(box)

    for row in box.account.lists["orders"]:
        order = Order.objects.get(external_id=row["id"])
        local = order.placed_at.astimezone(ZoneInfo(box.account.timezone))
        assert local.replace(tzinfo=None) == datetime.fromisoformat(row["time"])
        assert (order.total, order.phone) == (Decimal(row["total"]), row["phone"])
        lines = OrderLine.objects.filter(order=order)
        assert [(line.product.external_id, line.quantity) for line in lines] == [
            (str(row["products"][0]["id"]), 1)
        ]
        owner = Client.objects.get(pk=order.client_id)
        assert owner.last_name.casefold() == row["lastName"].strip().casefold()


@pytest.mark.long
def test_a_certificate_has_its_balance_and_the_bookings_that_used_it(box: Sandbox) -> None:
    import_all(box)

    for row in box.account.lists["certificates"]:
        found = Certificate.objects.get(external_id=row["id"])
        assert found.code == row["certificate"]
        assert found.remaining_value == row["remainingValue"]
        assert found.remaining_minutes == row["remainingMinutes"]
        assert found.order_id is None or found.order.external_id == str(row["orderID"])
        counts = {
            each.appointment_type.external_id: each.remaining_count for each in found.types.all()
        }
        assert counts == dict.fromkeys(map(str, row["appointmentTypeIDs"])) | (
            row["remainingCounts"] or {}
        )
    codes = {row["certificate"] for row in box.account.lists["certificates"]}
    used = Appointment.objects.filter(certificate__in=codes)
    assert used.exists()
    assert all(booking.certificate_ref.code == booking.certificate for booking in used)


@pytest.mark.long
def test_a_used_certificate_is_one_update_and_a_code_listed_late_finds_its_booking(
    box: Sandbox,
) -> None:
    late = box.account.lists["certificates"].pop(0)
    import_all(box)
    used = Appointment.objects.get(certificate=late["certificate"])
    assert used.certificate_ref is None
    box.account.lists["certificates"].append(late)
    counted = next(c for c in box.account.lists["certificates"] if c["remainingCounts"])
    counted["remainingCounts"] = {"5100003": 0}

    step = import_all(box).steps.get(resource="certificates")

    assert (step.created, step.updated) == (1, 1)
    used.refresh_from_db()
    assert used.certificate_ref.external_id == str(late["id"])
    row = Certificate.objects.get(external_id=counted["id"])
    assert [each.remaining_count for each in row.types.all()] == [0]


@pytest.mark.long
def test_a_question_that_is_asked_no_longer_stays_and_is_marked(box: Sandbox) -> None:
    import_all(box)
    box.account.lists["forms"][0]["fields"].pop(0)

    import_all(box)

    gone = Question.objects.exclude(removed_at=None)
    assert [question.text for question in gone] == ["How did you hear about us?"]


def test_a_months_blocks_are_those_that_start_in_it(box: Sandbox) -> None:
    zone = ZoneInfo(box.account.timezone)
    starts = [
        datetime.fromisoformat(row["start"]).astimezone(zone) for row in box.account.lists["blocks"]
    ]
    low = min(starts).date().replace(day=1)
    inside = [at for at in starts if (at.year, at.month) == (low.year, low.month)]

    run = import_all(box, only=("blocks",), min_date=low, max_date=low.replace(day=28))

    wanted = sum(at.day <= 28 for at in inside)
    assert Block.objects.count() == wanted == run.scope["blocks"]["listed"]
    assert run.verified


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("name", ["labels", "orders", "certificates", "products", "blocks"])
def test_a_list_that_is_refused_is_not_asked_for_and_no_failure(
    box: Sandbox, name: str, status: int
) -> None:
    box.options.list_refused = {name: status}

    run = import_all(box, only=(name,))

    assert (run.status, run.gaps) == ("completed", [])
    assert str(status) in run.scope[name]["not_asked"]
    assert not run.scope[name]["verified"]


@pytest.mark.long
def test_a_question_that_only_answers_name_is_kept_and_counted(box: Sandbox) -> None:
    answered = {"id": 1, "fieldID": 7100099, "value": "Yes", "name": "Asked long ago?"}
    number = next(iter(box.account.bookings))
    box.account.edit(number, forms=[{"id": 700009, "name": "Old form", "values": [answered]}])

    run = import_all(box)

    question = Question.objects.get(external_id="7100099")
    assert (question.text, question.known_from) == ("Asked long ago?", "appointments")
    assert [answer.value for answer in question.answers.all()] == ["Yes"]
    assert run.scope["forms"]["only_named"] == {"appointments": 1, "answers": 1}
    assert (run.verified, run.scope["forms"]["verified"]) == (True, None)
