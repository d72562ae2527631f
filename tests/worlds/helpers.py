"""What the tests of single behaviours share: one import, and what stands there after it."""

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from tests.worlds.adapter import run_import
from tests.worlds.judge import Judge, verdicts
from tests.worlds.source import Source
from tests.worlds.world import Booking, World

Result = dict[str, Any]


def imported(source: Source, **options: Any) -> Result:
    """One more import of this source. "endless" beyond 3,000 requests or two minutes of work."""
    source.next_run()
    result = run_import(source.base_url, source.user_id, source.api_key, **options)
    if source.endless:
        result["status"] = "endless"
    return result


def import_once(world: World, *lies: Any, **options: Any) -> Result:
    with Source(world, lies) as source:
        return imported(source, **options)


def minutes_later() -> Any:
    """`with minutes_later():` five of them have passed: what is gone is looked for twice."""
    return time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=True)


# What is right


def assert_complete(world: World, result: Result, mode: str = "paid") -> None:
    """Everything is stored and proven, and nothing is open."""
    assert (result["status"], result["verified"], result["gaps"]) == ("completed", True, []), said(
        result
    )
    assert false_in(world, result, "complete", mode) == []


def assert_complete_or_gap(world: World, result: Result, about: str = "") -> None:
    """Everything is stored and proven, or what is missing has a gap."""
    assert result["status"] in ("completed", "completed_with_gaps"), said(result)
    assert false_in(world, result, "either") == []
    if not result["verified"]:
        assert result["gaps"], said(result)
        assert about in json.dumps(result["gaps"], default=str).lower()


def assert_a_gap_names(result: Result, *words: Any) -> None:
    """It is not verified, it ended, and its gaps hold these words."""
    assert result["status"] == "completed_with_gaps", said(result)
    assert not result["verified"]
    text = json.dumps([result["gaps"], result["reason"]], default=str, ensure_ascii=False)
    assert all(str(word) in text for word in words), text


def assert_consistent(result: Result) -> None:
    """It is verified only if no part of its scope says otherwise, and its one sentence names the parts
    that say nothing."""
    unproven = [name for name, part in result["scope"].items() if not part["verified"]]
    if result["verified"]:
        assert all(part["verified"] is not False for part in result["scope"].values())
        unnamed = [name for name in unproven if name.replace("_", " ") not in headline(result)]
        assert not unnamed, f"verified, yet not {unnamed}: {headline(result)}"


def headline(result: Result) -> str:
    """The sentence that pages, terminal and proof show of it."""
    from integrations.acuity.proof.headline import headline

    return headline(result["scope"], result["verified"])


def assert_stopped(result: Result) -> None:
    """It refused to go on, in words, and claims nothing."""
    assert not result["verified"]
    over = ("completed", "endless", "crashed")
    assert not result["status"].startswith(over), said(result)
    assert result["reason"]


def false_in(world: World, result: Result, right: str, mode: str = "paid") -> list[str]:
    judge = Judge(world, result["tenant"], mode=mode)
    return [str(one) for one in verdicts(judge, result, right)]


def said(result: Result) -> str:
    return f"{result['status']}, gaps {str(result['gaps'])[:500]}, {result['reason']}"


# What stands there


def stored(booking: Booking | int) -> Any:
    from bookings.models import Appointment

    number = booking if isinstance(booking, int) else booking.id
    return Appointment.objects.filter(external_id=str(number)).first()


def live_count() -> int:
    from bookings.models import Appointment

    return Appointment.objects.filter(removed_at=None).count()


def removed_count() -> int:
    from bookings.models import Appointment

    return Appointment.objects.exclude(removed_at=None).count()


def paid(booking: Booking) -> list[str]:
    """["cash 50.00"]: the payments that stand there for a booking."""
    from bookings.models import Payment

    rows = Payment.objects.filter(appointment__external_id=str(booking.id), removed_at=None)
    return sorted(f"{row.processor} {plain(row.amount)}" for row in rows)


def plain(amount: Any) -> str:
    """12.500 as 12.50, 12.505 as it is."""
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount.normalize():f}"


def everybody() -> list[str]:
    """The clients that stand there, by name."""
    from bookings.models import Client

    return sorted(str(row) for row in Client.objects.all())


def tenant() -> Any:
    from bookings.models import Tenant

    return Tenant.objects.get()


def coverage(month: str) -> Any:
    """[source, stored] of a month, after the last import."""
    from integrations.models import ImportRun

    return ImportRun.objects.latest("created_at").coverage.get(month)


def report() -> dict[str, dict[str, str]]:
    """{"2025-05": {"cash": "50.00"}}: what `acuity_report --json` says."""
    from django.core.management import call_command

    printed = io.StringIO()
    with redirect_stdout(printed):
        call_command("acuity_report", "--json", stdout=printed)
    months = json.loads(printed.getvalue())["months"]
    return {
        month: {
            processor: cell["amount"]
            for processor, cell in cells.items()
            if isinstance(cell, dict) and "amount" in cell and cell.get("count")
        }
        for month, cells in months.items()
    }


# Worlds of one size


def busy(count: int, *, days: int = 60, canceled: int = 0, **settings: Any) -> World:
    """`count` unpaid bookings of as many people, spread over `days`."""
    world = World(**settings)
    world.calendar()
    world.kind()
    for number in range(count):
        day = number * days // max(count, 1)
        made = world.book(
            f"Guest{number % 40} Example",
            f"2025-{1 + day // 28:02}-{1 + day % 28:02} {8 + number % 10:02}:{number // 10 % 4 * 15:02}",
        )
        made.canceled = number < canceled
    return world


def paying(count: int, **settings: Any) -> World:
    """`count` bookings of one month, each paid 50.00 in cash."""
    world = busy(count, days=28, **settings)
    for booking in world.bookings.values():
        world.pay(booking, 50)
    return world
