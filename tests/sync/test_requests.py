"""Is a change that a webhook names stored, whoever is killed, late, or asked again meanwhile?"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings.models import Appointment, Calendar, Client, Payment
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.payments import save as payments
from integrations.acuity.resources.scope import Scope
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.history import Seen
from integrations.acuity.store.upsert import Counts, upsert
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount, RefreshRequest
from tests.conftest import ids

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.sandbox(clients=5, appointments=10, months=1),
]
LATER = timedelta(minutes=1)


def ask(account: AcuityAccount, number: int) -> str:
    refresh.request(account, str(number))
    return str(number)


def new_client_books(box: Sandbox, times: int) -> list[int]:
    name = {"firstName": "Nora", "lastName": "Newman", "phone": "", "email": "nora@example.com"}
    days = [datetime(2026, 6, 1, 10, 0) + timedelta(days=n) for n in range(times)]
    return [box.account.add_appointment(day, **name) for day in days]


def together(*works: Callable[[], Any]) -> list[Any]:
    """What each gives, all at the same time; an error is given, too."""
    results: list[Any] = [None] * len(works)

    def run(n: int) -> None:
        try:
            results[n] = works[n]()
        except Exception as error:
            results[n] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_request_lives_until_its_booking_is_stored(
    box: Sandbox, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(account, box.account.appointments[0]["id"])
    save = payments.save_payments
    monkeypatch.setattr(payments, "save_payments", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        refresh.perform(account.pk, number)

    assert not Appointment.objects.exists(), "half a change was stored"
    assert refresh.perform(account.pk, number) == refresh.BUSY
    assert refresh.overdue() == []
    monkeypatch.setattr(payments, "save_payments", save)
    after = timezone.now() + LATER
    assert refresh.overdue(after) == [(account.pk, number)]
    assert refresh.overdue(after) == [], "one message, not one for each sweep"
    assert refresh.perform(account.pk, number).startswith("1 created")
    assert not RefreshRequest.objects.exists()


def test_what_is_asked_for_during_the_read_is_read_once_more(
    box: Sandbox, account: AcuityAccount
) -> None:
    row = next(row for row in box.account.appointments if not row["canceled"])
    number = ask(account, row["id"])

    def changes_meanwhile(path: str, query: dict[str, str]) -> None:
        if path.endswith("/payments"):
            box.hook = None
            box.account.cancel(row["id"])
            box.forget()
            assert refresh.request(account, number) is False

    box.hook = changes_meanwhile
    said = refresh.perform(account.pk, number)

    assert said.endswith("asked for again meanwhile")
    assert Appointment.objects.get().canceled is False
    refresh.perform(account.pk, number)
    assert Appointment.objects.get().canceled is True
    assert not RefreshRequest.objects.exists()


def test_a_late_answer_replaces_no_later_one(box: Sandbox, account: AcuityAccount) -> None:
    row = next(row for row in box.account.appointments if not row["canceled"])
    number = ask(account, row["id"])

    def overtaken(path: str, query: dict[str, str]) -> None:
        if path.endswith("/payments"):
            # This reader has the old booking in hand, and is taken for dead.
            box.hook = None
            box.account.cancel(row["id"])
            box.forget()
            RefreshRequest.objects.update(due_at=timezone.now(), asked=2)
            refresh.perform(account.pk, number)

    box.hook = overtaken

    assert refresh.perform(account.pk, number) == refresh.OVERTAKEN
    assert Appointment.objects.get().canceled is True


def test_a_read_that_fails_is_tried_again_later(box: Sandbox, account: AcuityAccount) -> None:
    account.api_key = "another key"
    account.save()
    number = ask(account, box.account.appointments[0]["id"])

    said = [refresh.perform(account.pk, number) for _ in range(7)]

    assert [text.split(":")[0] for text in said[:5]] == [
        f"waiting {seconds} s" for seconds in (60, 120, 240, 480, 600)
    ]
    assert said[-1].startswith("waiting 600 s: Acuity refused")
    account.api_key = "sandbox-key"
    account.save()
    assert refresh.perform(account.pk, number).startswith("1 created")


def test_a_new_clients_bookings_may_be_stored_at_the_same_moment(
    box: Sandbox, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [ask(account, number) for number in new_client_books(box, 6)]
    # Whoever makes their calendar first would hold the others up until all is stored.
    known = ask(account, new_client_books(box, 1)[0])
    refresh.perform(account.pk, known)
    Appointment.objects.all().delete()
    Client.objects.all().delete()
    save = payments.save_payments

    def slowly(*args: Any) -> Any:
        # Each has written its client and its booking by now, and holds its transaction open.
        time.sleep(0.2)
        return save(*args)

    monkeypatch.setattr(payments, "save_payments", slowly)
    said = together(*(lambda n=n: refresh.perform(account.pk, n) for n in numbers))

    assert [str(text).startswith("1 created") for text in said] == [True] * 6, said
    assert ids() == set(numbers)
    assert Client.objects.filter(last_name="Newman").count() == 1
    assert not RefreshRequest.objects.exists()


@pytest.mark.parametrize("expect_new", [True, False])
def test_two_who_insert_the_same_row_settle_by_an_update(
    account: AcuityAccount, expect_new: bool
) -> None:
    seen = Seen(account.tenant, "calendars", None, "webhook")
    names = ["external_id", "name", "raw", "content_hash"]
    inserted = threading.Event()

    def first() -> Any:
        with transaction.atomic():
            rows = [("7", "Room", {}, "a")]
            counts = upsert(account, Calendar, names, rows, seen=seen).counts
            inserted.set()
            time.sleep(0.3)
        return counts

    def second() -> Any:
        inserted.wait(5)
        rows = [("7", "Great room", {"of": "Ann"}, "b"), ("8", "Hall", {}, "c")]
        return upsert(account, Calendar, names, rows, expect_new, seen=seen).counts

    assert together(first, second) == [Counts(created=1), Counts(created=1, updated=1)]
    found = dict(Calendar.objects.values_list("external_id", "name"))
    assert found == {"7": "Great room", "8": "Hall"}


def test_the_same_payments_may_be_stored_at_the_same_moment(
    box: Sandbox, account: AcuityAccount
) -> None:
    number = next(row["id"] for row in box.account.appointments if row["paid"] == "yes")
    refresh.perform(account.pk, ask(account, number))
    had = Payment.objects.values_list("external_id", flat=True)
    expected = sorted(had)
    Payment.objects.all().delete()

    def again() -> None:
        context = Context.of(Scope(account), Fetcher(account_client(account), lambda: None))
        answers = payments.fetch_payments(context, list(Appointment.objects.all()))
        with transaction.atomic():
            payments.save_payments(context, answers)
            time.sleep(0.3)
        context.source.close()

    assert together(again, again) == [None, None]
    assert sorted(had) == expected != []
