"""What does the proof say of payments, and what does it ask for? A few bookings, without an import."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from django.utils import timezone

from bookings.models import Appointment, Payment
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.payments import check
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun, RejectedRecord
from tests.proof.test_rules import booked, run  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.database]
MAY, JUNE = date(2025, 5, 31), date(2025, 6, 1)
AT = datetime(2025, 6, 2, 10, tzinfo=UTC)


def read(booking: Appointment, **fields: Any) -> Appointment:
    """Its list was read, as it now is, unless `fields` say otherwise."""
    kept = booking.payments.all()
    usual = {
        "payments_fetched_for": "a",
        "payment_state": "a",
        "payments_read_at": AT,
        "payments_fetched": len(kept),
        "payments_fetched_sum": sum((row.amount for row in kept), Decimal(0)),
        "paid": True,
    }
    Appointment.objects.filter(pk=booking.pk).update(**usual | fields)
    return booking


def proof(run: ImportRun, source: Any = None, **position: Any) -> Context:  # noqa: F811
    return Context.of(Scope.of(run), cast(Fetcher, source), Position(**position))


def test_amounts_that_do_not_add_up_are_said_with_the_reason(run: ImportRun) -> None:  # noqa: F811
    read(booked(run, "ok", MAY, ("cash", "10")))
    read(booked(run, "refund", MAY, ("cash", "15"), ("cash", "-5")), amount_paid=12)
    read(booked(run, "coupon", JUNE), amount_paid=5, certificate="X")
    read(booked(run, "none", JUNE), amount_paid=7)
    read(booked(run, "part", JUNE, ("cash", "6")), amount_paid=7)
    gone = read(booked(run, "gone", JUNE, ("cash", "7")))
    Payment.objects.filter(appointment=gone).update(removed_at=AT)
    # Nobody has read it.
    Appointment.objects.filter(pk=booked(run, "unread", MAY).pk).update(amount_paid=3)

    said = check.statement(proof(run), check.ProofCursor())

    found = {
        d.appointment: (d.month, Decimal(d.amount_paid), Decimal(d.payments), d.reason)
        for d in said.differences
    }
    assert found == {
        "refund": ("2025-05", 12, 10, "refund"),
        "coupon": ("2025-06", 5, 0, "certificate"),
        "none": ("2025-06", 7, 0, "no payments listed"),
        "part": ("2025-06", 7, 6, "unknown"),
        "gone": ("2025-06", 7, 0, "no payments listed"),
    }
    assert [d.month for d in said.differences] == ["2025-05"] + ["2025-06"] * 4


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("KWD", 3)])
def test_the_scope_counts_what_was_asked_and_the_money_of_each_month(
    run: ImportRun,  # noqa: F811
    currency: str,
    places: int,
) -> None:
    run.account.tenant.currency = currency
    run.account.tenant.save()
    run.account.refresh_from_db()
    read(booked(run, "1", MAY, ("cash", "10")))
    read(booked(run, "2", MAY, ("cash", "1.5"), ("x", "-3")), payments_read_at=AT.replace(hour=9))
    gone = read(booked(run, "3", JUNE, ("cash", "7"), ("cash", "2")))
    gone.payments.filter(amount=7).update(removed_at=AT)
    for key in ("4", "5"):
        booked(run, key, JUNE)

    said = check.statement(proof(run), check.ProofCursor())

    unit = 10**places
    assert said.scope | {"refunds": ""} == {
        "asked": 3,
        "lists_read": 3,
        "unasked": 2,
        "unasked_why": "unpaid, nothing paid",
        "oldest_reading": "2025-06-02T09:00:00Z",
        "refunds": "",
        "cents": {"2025-05": 17 * unit // 2, "2025-06": 2 * unit},
        **({"places": 3} if places == 3 else {}),
        "evidence": ["each list by its booking", check.AS_STORED],
        "differing": 1,
    }
    anew = check.statement(proof(run), check.ProofCursor(anew=True))
    assert anew.scope["evidence"] == ["each list by its booking", check.BY_COLUMN]


def test_an_account_without_bookings_has_nothing_to_say(run: ImportRun) -> None:  # noqa: F811
    said = check.statement(proof(run), check.ProofCursor())

    counted = {name: said.scope[name] for name in ("asked", "lists_read", "unasked", "cents")}
    assert counted == {"asked": 0, "lists_read": 0, "unasked": 0, "cents": {}}
    assert (said.scope["unasked_why"], said.scope["oldest_reading"]) == ("", None)
    assert (said.gaps, said.differences) == ([], [])


@pytest.mark.parametrize(("count", "named"), [(1, "(0)"), (5, "(0, 1, 2, 3, 4)")])
def test_lists_that_are_still_due_are_a_gap_but_not_those_rejected(
    run: ImportRun,  # noqa: F811
    count: int,
    named: str,
) -> None:
    read(booked(run, "fine", MAY))
    for n in range(count):
        read(booked(run, str(n), MAY), payment_state="b")
    for key, of in (("bad", {}), ("settled", {"resolved_at": timezone.now()})):
        read(booked(run, key, JUNE), payment_state="b")
        RejectedRecord.objects.create(
            account=run.account, run=run, resource="payments", external_id=key, digest=key,
            payload={}, **of,
        )  # fmt: skip

    (gap,) = check.statement(proof(run), check.ProofCursor()).gaps

    # What was rejected and has been settled is due like any other.
    names = [*(str(n) for n in range(count)), "settled"]
    assert (gap.kind, gap.missing, gap.ids) == ("payments", count + 1, names[:5])
    inside = named[:-1] + (", settled)" if count < 5 else ", …)")
    assert gap.reason == f"{count + 1} appointments {inside} whose payments could not be stored."


class Lists:
    """Answers to each path with its booking's key."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def each(self, paths: Iterable[str], following: Iterable[str]) -> list[Any]:
        assert not list(following)
        keys = [path.split("/")[2] for path in paths]
        self.asked.append(keys)
        return [[{"of": key}] for key in keys]


@pytest.mark.parametrize("anew", [False, True])
def test_what_is_due_is_asked_for_then_what_was_lost_then_what_was_altered(
    run: ImportRun,  # noqa: F811
    anew: bool,
) -> None:
    for key in ("due 1", "due 2", "due 3"):
        read(booked(run, key, MAY), payment_state="b")
    read(booked(run, "fewer", MAY, ("cash", "1")), payments_fetched=2)
    read(booked(run, "less", MAY, ("cash", "1")), payments_fetched_sum=2)
    # Its raw answer says nothing of the amount that is stored.
    read(booked(run, "altered", MAY, ("cash", "1")))
    source, cursor = Lists(), check.ProofCursor(anew=anew)
    done, saved = False, list[tuple[str, Any]]()

    while not done:
        page = check.check(proof(run, source, limit=2), cursor)
        saved += [(row.external_id, answer) for row, answer in page.found.save]
        done, cursor = page.done, page.cursor
        assert len(source.asked) < 9

    # Of all that have a payment none is as it came, where that is looked at.
    last = [["fewer", "less"], *([["altered"]] if anew else [])]
    assert source.asked == [["due 1", "due 2"], ["due 3"], [], *last, []]
    assert saved == [(key, [{"of": key}]) for keys in source.asked for key in keys]
    assert (cursor.lost, cursor.anew) == (True, anew)


def test_rows_that_are_gone_or_of_others_are_counted_apart(run: ImportRun) -> None:  # noqa: F811
    def lose(booking: Appointment, *keys: str) -> None:
        rows = booking.payments.filter(external_id__in=keys)
        assert rows.update(removed_at=AT) == len(keys)

    cash = ("cash", "10")
    booked(run, "stays", MAY, cash)
    lose(booked(run, "loses one", MAY, cash, cash), "0")
    gone = booked(run, "gone", JUNE, cash, cash, cash)
    lose(gone, "1")
    elsewhere = booked(run, "of another account", MAY, cash, cash)
    lose(elsewhere, "1")
    gone_elsewhere = booked(run, "gone there", MAY, cash)
    by_hand = booked(run, "by hand", MAY, cash)
    Appointment.objects.filter(pk__in=[gone.pk, gone_elsewhere.pk]).update(removed_at=AT)
    others = Appointment.objects.filter(pk__in=[elsewhere.pk, gone_elsewhere.pk])
    others.update(source_account="another")
    Appointment.objects.filter(pk=by_hand.pk).update(source="manual")
    scope = Scope.of(run)

    assert RESOURCES["payments"].stored(scope) == 2
    assert RESOURCES["payments"].gone(scope) == 1 + 3
    assert (RESOURCES["appointments"].stored(scope), RESOURCES["appointments"].gone(scope)) == (
        2,
        1,
    )
