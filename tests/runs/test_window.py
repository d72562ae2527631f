"""What does a window do with its pages, and a page with its checkpoint? Pages made up here: nobody is
asked for them, and what is right is counted by hand."""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import OperationalError
from django.utils import timezone

from bookings.models import Tenant
from integrations.acuity import errors
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import Stored
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.resources.scope import Position
from integrations.acuity.runs import control, leases, window
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.page import Stale, grown, process_page
from integrations.acuity.source.client import Tally
from integrations.acuity.steps import STEPS
from integrations.acuity.store.upsert import Counts
from integrations.models import AcuityAccount, ImportRun, ImportStep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
RESOURCE = "appointments"
STALE = "nothing to do: another message was first"


class Place(Stored, frozen=True):
    n: int = 0


@dataclass
class Pages:
    """A step that comes in these pages; `saving` and `fetching` are called as each is dealt with."""

    pages: list[Fetched]
    counts: Counts = field(default_factory=Counts)
    tally: Tally = field(default_factory=Tally)
    saving: Callable[[], Any] = lambda: None
    fetching: Callable[[], Any] = lambda: None
    seen: list[Context] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    ahead: list[bool] = field(default_factory=list)
    saved: int = 0
    name: str = RESOURCE
    title: str = "Pages"
    task: str = "acuity.pages"

    def fetch(self, context: Context) -> Fetched:
        self.seen.append(context)
        self.positions.append(context.position)
        self.ahead.append(context.prefetch)
        self.fetching()
        return self.pages[context.position.cursor.get("n", 0)]

    def save(self, context: Context, page: Fetched) -> Counts:
        self.saving()
        self.saved += 1
        return self.counts


def pages(*sizes: int, **fields: Any) -> list[Fetched]:
    """So many records each; the last ends the step."""
    last = len(sizes)
    return [
        Fetched([], Place(n), done=n == last, count=size, **fields)
        for n, size in enumerate(sizes, 1)
    ]


@pytest.fixture
def step() -> ImportStep:
    """The step of the appointments in a run where all before it is done."""
    tenant = Tenant.objects.create(name="Example Studio")
    account = AcuityAccount.objects.create(tenant=tenant, user_id="1", api_key="key")
    run = control.start(account, Options(only=(RESOURCE,)), send=False)
    found = run.steps.get(resource=RESOURCE)
    run.steps.filter(position__lt=found.position).update(status="done")
    return found


def put(step: ImportStep, **fields: Any) -> None:
    ImportStep.objects.filter(pk=step.pk).update(**fields)
    step.refresh_from_db()


class Source:
    """What a page needs of a source that it asks nothing."""

    def __init__(self, tally: Tally) -> None:
        self.client = self
        self.tally = tally

    def slowest(self) -> float:
        return 0.5

    def parse_prefetched(self) -> None:
        """Nothing was."""


def turn(monkeypatch: pytest.MonkeyPatch, step: ImportStep, come: Pages, token: str = "") -> Any:
    """One page of `come` as the next of the step, which is then read anew."""
    monkeypatch.setitem(STEPS, RESOURCE, cast(Any, come))
    token = token or leases.claim(step, step.version)
    step.refresh_from_db()
    context = cast(Any, type("Context", (), {"source": Source(come.tally), "prefetch": False}))()
    run = ImportRun.objects.get(pk=step.run_id)
    page = process_page(context, run, step, token)
    leases.release(step.pk, token)
    step.refresh_from_db()
    return page


def work(monkeypatch: pytest.MonkeyPatch, step: ImportStep, come: Pages) -> Any:
    """A window of the step with these pages."""
    monkeypatch.setitem(STEPS, RESOURCE, cast(Any, come))
    outcome = window.run_window(str(step.run_id), RESOURCE, None)
    step.refresh_from_db()
    step.run.refresh_from_db()
    return outcome


class Clock:
    """The window's own time, which stands still until a page is saved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds_a_page: float) -> None:
        self.now, self._seconds = 1000.0, seconds_a_page
        monkeypatch.setattr(window, "time", self)

    def monotonic(self) -> float:
        return self.now

    def page(self) -> None:
        self.now += self._seconds


# The checkpoint


def test_a_checkpoint_adds_each_page_to_what_was(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, began = step.run, timezone.now()
    put(step, deaths=1, waiting_for="the weather", failing_since=began, attempts=2)
    come = Pages(
        pages(3, 5, total=9),
        Counts(created=1, updated=2, unchanged=3, rejected=1, restated=4),
        fetching=lambda: time.sleep(0.01),
    )

    for n, size in enumerate((3, 8), 1):
        come.tally = Tally(requests=5, retries=6, throttled=7)
        turn(monkeypatch, step, come)

        counted = (step.created, step.updated, step.unchanged, step.rejected, step.restated)
        assert counted == (n, 2 * n, 3 * n, n, 4 * n)
        assert (step.requests, step.retries, step.throttled) == (5 * n, 6 * n, 7 * n)
        assert (step.version, step.offset, step.fetched, step.total) == (n, size, size, 9)
        assert (step.cursor, step.status) == ({"n": n}, ("running", "done")[n - 1])
        assert (step.attempts, step.deaths, step.waiting_for) == (0, 0, "")
        assert step.failing_since is None
        assert 10 * n <= step.active_ms < 60_000
        assert step.heartbeat_at and began <= step.heartbeat_at <= timezone.now()
    kept = [
        (page.offset, page.count, page.limit, page.requests, page.throttled, page.created)
        for page in run.pages.order_by("pk")
    ]
    assert kept == [(0, 3, 100, 5, 7, 1), (3, 5, 100, 5, 7, 1)]
    assert all(10 <= page.elapsed_ms < 60_000 for page in run.pages.all())
    assert [position.unchanged for position in come.positions] == [True, False]
    second = come.positions[1]
    assert (second.offset, second.total, second.limit, second.step) == (3, 9, 100, step.pk)


def test_a_page_that_says_nothing_of_them_leaves_the_total_and_counts_its_records(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(step, total=7)

    turn(monkeypatch, step, Pages([*pages(3, 1, fetched=20)]))

    assert (step.total, step.offset, step.fetched) == (7, 3, 20)


@pytest.mark.parametrize(
    ("counts", "unchanged"),
    [
        ({}, True),
        ({"unchanged": 5}, True),
        ({"created": 1, "updated": 1}, False),
        ({"created": 1, "rejected": 1}, False),
        ({"rejected": 1}, False),
    ],
)
def test_a_step_is_unchanged_until_anything_came_of_it(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], unchanged: bool
) -> None:
    come = Pages(pages(1, 1))
    put(step, **counts)

    turn(monkeypatch, step, come)

    assert come.positions[0].unchanged is unchanged


def test_a_gap_is_said_once_beside_those_that_were(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    ImportRun.objects.filter(pk=step.run_id).update(gaps=[{"kind": "old"}])
    come = Pages(pages(1, 1, 1, gaps=[Gap("day", "Cut.", day="2025-06-01")]))

    for _ in range(2):
        turn(monkeypatch, step, come)

    step.run.refresh_from_db()
    day = {"kind": "day", "reason": "Cut.", "day": "2025-06-01"}
    assert step.run.gaps == [{"kind": "old"}, day]


def test_a_checkpoint_renews_the_lease(step: ImportStep, monkeypatch: pytest.MonkeyPatch) -> None:
    token, left = leases.claim(step, step.version), list[timedelta]()
    put(step, lease_until=timezone.now() + timedelta(seconds=2))
    monkeypatch.setattr(leases, "release", lambda pk, _: left.append(ends(pk) - timezone.now()))

    turn(monkeypatch, step, Pages(pages(1, 1)), token)

    assert left[0] > timedelta(seconds=50)


def ends(pk: int) -> Any:
    return ImportStep.objects.get(pk=pk).lease_until


@pytest.mark.parametrize("moved", [{"version": 5}, {"lease_token": "another"}])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_of_a_step_that_moved_on_nothing_is_written(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, moved: dict[str, Any], when: str
) -> None:
    def move() -> None:
        ImportStep.objects.filter(pk=step.pk).update(**moved)

    come = Pages(pages(1, 1))
    setattr(come, {"before": "fetching", "meanwhile": "saving"}[when], move)

    with pytest.raises(Stale):
        turn(monkeypatch, step, come)

    assert come.saved == (when == "meanwhile")
    step.refresh_from_db()
    assert (step.offset, step.cursor) == (0, {}) and not step.run.pages.exists()


@pytest.mark.parametrize(
    ("page", "stalls"),
    [
        (Fetched([], Place()), True),
        (Fetched([1], Place()), False),
        (Fetched([], Place(1)), False),
        (Fetched([], Place(), done=True), False),
    ],
)
def test_a_page_that_goes_nowhere_is_an_error(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, page: Fetched, stalls: bool
) -> None:
    come = Pages([page])
    if stalls:
        with pytest.raises(errors.Stalled, match="appointments at offset 0"):
            turn(monkeypatch, step, come)
    else:
        turn(monkeypatch, step, come)

    assert come.saved == (not stalls)


@pytest.mark.parametrize(
    ("rejected", "size", "accepted", "pauses"),
    [
        (5, 5, False, ""),
        (6, 20, False, "8 of 30 "),
        (4, 20, False, ""),
        (5, 20, False, "7 of 30 "),
        (6, 30, False, ""),
        (7, 30, False, "9 of 40 "),
        (7, 30, True, ""),
    ],
)
def test_too_many_rejects_pause_a_run(
    step: ImportStep,
    monkeypatch: pytest.MonkeyPatch,
    rejected: int,
    size: int,
    accepted: bool,
    pauses: str,
) -> None:
    ImportRun.objects.filter(pk=step.run_id).update(status="running", accept_rejects=accepted)
    # Two of ten were so before, but where all are few.
    put(step, rejected=0 if size == 5 else 2, offset=0 if size == 5 else 10)

    turn(monkeypatch, step, Pages(pages(size, 1), Counts(rejected=rejected)))

    step.run.refresh_from_db()
    assert step.run.reason.startswith(pauses)
    assert (step.run.status in ("pausing", "paused")) is bool(pauses)
    assert step.version == 1


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (0, 499, False),
        (0, 500, True),
        (499, 501, True),
        (500, 501, False),
        (501, 1999, False),
        (1999, 2000, True),
        (2000, 7999, False),
        (7000, 9000, True),
        (0, 10**6, True),
        (9, 9, False),
    ],
)
def test_a_planner_is_told_when_rows_are_four_times_as_many(
    before: int, after: int, told: bool
) -> None:
    assert grown(before, after) is told


# The window


def test_a_window_goes_from_page_to_page_to_the_end(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    come = Pages(pages(2, 2, 3), Counts(created=2))

    outcome = work(monkeypatch, step, come)

    assert (outcome.kind, outcome.version, outcome.offset) == ("done", 3, 7)
    assert outcome.text == "appointments 0–7: 6 new"
    assert (step.status, step.lease_token, step.lease_until) == ("done", "", None)
    assert come.ahead == [True] * 3
    again = window.run_window(str(step.run_id), RESOURCE, None)
    assert (again.kind, again.text) == ("stop", "nothing to do: appointments is done")


@pytest.mark.parametrize(("seconds", "done"), [(-1, 1), (0, 1), (5, 1), (6, 2), (12, 3), (17, 3)])
def test_a_window_whose_time_is_over_hands_on(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, seconds: float, done: int
) -> None:
    clock = Clock(monkeypatch, 6.0)
    monkeypatch.setattr(window, "WINDOW_SECONDS", seconds)
    come = Pages(pages(2, 2, 2, 2, 2), saving=clock.page)

    outcome = work(monkeypatch, step, come)

    assert outcome.kind == "more"
    assert (outcome.version, outcome.offset) == (done, 2 * done)
    # What would come after its time is not fetched ahead.
    assert come.ahead == [1000 + 6 * n < 1000 + seconds for n in range(done)]
    assert step.lease_token == ""


def test_a_window_gives_way_to_a_run_that_waits(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked = Clock(monkeypatch, 0.4), list[float]()
    waits = [False, True]

    def others_wait(run_id: Any) -> bool:
        assert str(run_id) == str(step.run_id)
        asked.append(round(clock.now - 1000, 1))
        return waits.pop(0)

    monkeypatch.setattr(control, "others_wait", others_wait)
    come = Pages(pages(*[2] * 9), saving=clock.page)

    outcome = work(monkeypatch, step, come)

    # Not before its turn has had a second.
    assert (outcome.kind, outcome.offset, asked) == ("more", 8, [1.2, 1.6])


@pytest.mark.parametrize(("seconds", "done"), [(0.3, 2), (0.1, 3), (0.06, 5)])
def test_a_window_looks_now_and_then_whether_it_is_to_stop(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, seconds: float, done: int
) -> None:
    clock = Clock(monkeypatch, seconds)

    def save() -> None:
        clock.page()
        if clock.now > 1000 + 1.5 * seconds:
            control.pause(step.run)

    outcome = work(monkeypatch, step, Pages(pages(*[2] * 9), saving=save))

    assert (outcome.kind, step.offset, step.run.status) == ("stop", 2 * done, "paused")
    assert outcome.text == f"appointments 0–{2 * done}; the run is pausing"


@pytest.mark.parametrize(
    ("status", "settled", "text"),
    [
        ("paused", "paused", "nothing to do: the run is paused"),
        ("pausing", "paused", "nothing to do: the run is pausing"),
        ("cancelling", "cancelled", "nothing to do: the run is cancelling"),
        ("completed", "completed", "nothing to do: the run has completed"),
    ],
)
def test_a_message_for_a_run_that_does_not_go_on(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, status: str, settled: str, text: str
) -> None:
    ImportRun.objects.filter(pk=step.run_id).update(status=status)
    come = Pages(pages(1))

    outcome = work(monkeypatch, step, come)

    assert (outcome.kind, outcome.text, come.saved) == ("stop", text, 0)
    assert step.run.status == settled


def test_a_message_that_comes_too_early_too_late_or_twice(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, RESOURCE, cast(Any, Pages(pages(1))))
    run = str(step.run_id)

    early, late = (window.run_window(run, name, None) for name in ("verify", "account"))
    assert (early.kind, early.text) == ("stop", "too early: appointments comes first")
    assert (late.kind, late.text) == ("stop", "nothing to do: account is done")
    wrong = window.run_window(run, RESOURCE, 1)
    assert (wrong.kind, wrong.text) == ("stop", STALE)
    assert window.run_window(run, RESOURCE, 0).kind == "done"
    ImportStep.objects.filter(run=run).update(status="done")
    none = window.run_window(run, RESOURCE, None)
    assert (none.kind, none.text) == ("done", "nothing to do: every step is done")


def test_a_step_that_lost_too_many_processes_is_not_tried_again(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(step, deaths=3)
    come = Pages(pages(1))

    outcome = work(monkeypatch, step, come)

    assert (outcome.kind, come.saved) == ("stop", 0)
    assert outcome.text.startswith("failed: The appointments step lost its process 3 times")
    assert (step.run.status, step.run.error_class, step.lease_token) == ("failed", "stuck", "")


def test_the_process_that_a_window_finds_lost_is_among_them(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(step, deaths=2, lease_token="lost", lease_until=timezone.now() - timedelta(seconds=1))

    outcome = work(monkeypatch, step, Pages(pages(1)))

    assert outcome.text.startswith("failed: The appointments step lost its process 3 times")


def test_a_lease_that_ran_out_while_the_database_was_away_is_no_death(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("away")

    def back() -> bool:
        put(step, deaths=1, lease_token="another")
        return True

    monkeypatch.setattr(window.outages, "wait", back)

    work(monkeypatch, step, Pages(pages(1), fetching=away))

    assert step.deaths == 0


def test_a_window_whose_step_was_taken_says_so(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> None:
        ImportStep.objects.filter(pk=step.pk).update(lease_token="another")

    outcome = work(monkeypatch, step, Pages(pages(1), saving=taken))

    # What was written meanwhile is undone, the taking too, and the lease is given back.
    assert (outcome.kind, outcome.text, step.offset) == ("stop", STALE, 0)
    assert step.lease_token == ""


@pytest.mark.parametrize("error", [errors.ConfigurationError, errors.KeyUnreadable])
def test_a_run_that_cannot_ask_fails_in_words(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, error: Callable[..., Exception]
) -> None:
    trouble = error("No address.") if error is errors.ConfigurationError else error()

    def refuse(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(window, "account_client", refuse)

    outcome = work(monkeypatch, step, Pages(pages(1)))

    assert (outcome.kind, outcome.text) == ("stop", f"failed: {trouble}")
    assert (step.run.status, step.run.reason) == ("failed", str(trouble))
    assert step.run.error_class == type(trouble).__name__
    assert step.lease_token == ""


@pytest.mark.parametrize("trouble", [errors.ServerTrouble("503"), OperationalError("locked")])
def test_a_page_in_trouble_waits(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail() -> None:
        raise trouble

    # What an answer has cost before it failed is kept, too.
    outcome = work(monkeypatch, step, Pages(pages(1), fetching=fail))

    assert outcome.kind == "stop" and outcome.text.startswith("waiting 5 s: ")
    assert (step.lease_token, step.version, step.status) == ("", 0, "running")
    assert step.not_before and step.waiting_for and step.run.status == "running"


def test_a_page_limit_that_nobody_chose_follows_what_pages_show(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = step.run.account

    work(monkeypatch, step, Pages(pages(100, 100, 100, 30)))

    account.refresh_from_db()
    assert (step.run.page_limit, account.best_page_limit) == (200, 200)


@pytest.mark.parametrize(
    ("sizes", "chosen"), [((99, 99, 99, 30), False), ((100, 100, 100, 30), True)]
)
def test_a_page_limit_stays_where_it_was_chosen_or_pages_are_short(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], chosen: bool
) -> None:
    ImportRun.objects.filter(pk=step.run_id).update(auto_page_limit=not chosen)
    account = step.run.account

    work(monkeypatch, step, Pages(pages(*sizes)))

    account.refresh_from_db()
    assert (step.run.page_limit, account.best_page_limit) == (100, None)


def test_the_pages_of_a_step_without_a_size_set_no_limit(
    step: ImportStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    ImportStep.objects.filter(run=step.run).update(status="done")
    ImportStep.objects.filter(run=step.run, resource="account").update(status="pending")
    monkeypatch.setitem(STEPS, "account", cast(Any, Pages(pages(100, 100, 100, 30))))

    assert window.run_window(str(step.run_id), "account", None).kind == "done"

    step.run.refresh_from_db()
    assert step.run.page_limit == 100


def test_a_fresh_lease_is_not_looked_at(step: ImportStep) -> None:
    working = window.Window(step.run, step, leases.claim(step, step.version))
    put(step, lease_token="another")

    working.heartbeat()
    working.source.close()


def test_the_interpreter_is_as_before_when_a_window_ends() -> None:
    usual = gc.get_threshold()
    gc.set_threshold(usual[0], 11, 12)
    before = gc.get_threshold(), sys.getswitchinterval()

    with window.busy_interpreter():
        assert gc.get_threshold() == (100_000, *before[0][1:])
        assert sys.getswitchinterval() == pytest.approx(0.0001)

    assert (gc.get_threshold(), sys.getswitchinterval()) == before
    gc.set_threshold(*usual)
