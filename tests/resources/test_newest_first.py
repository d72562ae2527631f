"""In which order are payments asked for? What an owner looks at first is right first."""

import pytest

from bookings.models import Appointment
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Sandbox
from integrations.models import ImportStep
from tests.conftest import begin, import_all, run_to_end

pytestmark = [pytest.mark.money, pytest.mark.django_db, pytest.mark.database]


def asked(box: Sandbox) -> list[str]:
    """The days of the bookings whose payments were asked for, in the order of the requests."""
    days = {row["id"]: row["datetime"][:10] for row in box.account.appointments}
    paths = [path.split("/") for _, path, _, _ in box.requests if path.endswith("/payments")]
    return [str(days[int(path[2])]) for path in paths]


def pages(days: list[str], size: int) -> list[list[str]]:
    return [days[n : n + size] for n in range(0, len(days), size)]


@pytest.mark.long
@pytest.mark.usefixtures("one_page_a_window")
def test_payments_come_from_the_latest_day_to_the_earliest(box: Sandbox) -> None:
    run = import_all(box, page_limit=10, verify=False)

    found = pages(asked(box), 10)

    assert run.status == "completed_with_gaps" and len(found) > 3
    # Within a page many are under way at once.
    latest_first = pages(sorted(asked(box), reverse=True), 10)
    assert [sorted(page) for page in found] == [sorted(page) for page in latest_first]


@pytest.mark.long
@pytest.mark.usefixtures("one_page_a_window")
def test_a_run_half_way_through_an_older_order_misses_none(box: Sandbox) -> None:
    run = run_to_end(begin(box, page_limit=10), before="payments")
    step = control.current_step(run.pk)
    assert step
    window.run_window(str(run.pk), "payments", step.version)
    middle = Appointment.objects.order_by("pk")[60].pk
    ImportStep.objects.filter(pk=step.pk).update(cursor={"after": middle})

    run = run_to_end(run)

    wanted = sum(row["paid"] == "yes" for row in box.account.appointments)
    assert run.status == "completed" and len(asked(box)) >= wanted
    assert len({p for _, p, _, _ in box.requests if p.endswith("/payments")}) == len(asked(box))
