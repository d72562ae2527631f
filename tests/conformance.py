"""Which of the importer's promises does a resource break? Each is tried over HTTP and in the database.

A trial puts the resource in the place of ours, and an invented account before it. Its judge is the
account: what it has, and what stands in the tables.
"""

import json
import logging
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.db.models import Model

from bookings.models import Appointment, Client, Label, Payment, Tenant
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Resource
from integrations.acuity.resources.whole import Whole
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.acuity.sandbox.catalog import HIDDEN
from integrations.acuity.sandbox.server import Answer, encode
from integrations.acuity.steps import STEPS
from integrations.models import ImportRun, ImportStep, RejectedRecord, StagedPage
from tests.conftest import begin

BUSINESS = apps.get_app_config("bookings").get_models(include_auto_created=True)
# The account step writes the tenant.
ROWS: list[type[Model]] = [model for model in BUSINESS if model is not Tenant]
PAGE_LIMIT = 10
# No account here needs so many.
MANY_WINDOWS = 60


class Broken(Exception):
    """The resource does not keep a promise; the message is how."""


def contents() -> list[Any]:
    """Every row of the business's tables."""
    return [list(model._default_manager.order_by("pk").values()) for model in ROWS]


class Writes:
    """Rows that statements on these tables have written."""

    def __init__(self, models: list[type[Model]]) -> None:
        self.tables, self.rows = [model._meta.db_table for model in models], 0

    def __call__(self, execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        """As connection.execute_wrapper calls it; the last argument is its context."""
        cursor = execute(sql, *args)
        written = sql.startswith(("INSERT", "UPDATE", "DELETE"))
        if written and any(f'"{table}"' in sql for table in self.tables):
            self.rows += max(args[-1]["cursor"].rowcount, 0)
        return cursor


class Trial:
    """One resource before one account. Subclasses know what that account has of it."""

    # Its listing; "" where there is none, but an answer for each booking.
    path = ""
    # Parameters of the listing that a source may come to ignore.
    parameters: tuple[str, ...] = ()
    # Resources that are imported with it.
    needs: tuple[str, ...] = ()

    def __init__(self, resource: Resource, box: Sandbox) -> None:
        self.resource, self.box, self.data = resource, box, box.account

    @abstractmethod
    def wanted(self) -> Counter[Any]:
        """What the account has."""

    @abstractmethod
    def stored(self) -> Counter[Any]:
        """What the database has, in the same words."""

    @abstractmethod
    def change(self) -> None:
        """One record is changed at the source."""

    @abstractmethod
    def remove(self) -> None:
        """One record is gone at the source, or there never was one."""

    @abstractmethod
    def spoil(self) -> Callable[[], None]:
        """One record cannot be read any more, until what comes back is called."""

    def lose(self) -> None:
        """One row is lost from the database."""
        row = [*self.resource.model._default_manager.order_by("pk")[:2]][-1]
        self.resource.model._default_manager.filter(pk=row.pk).delete()

    def begin(self, **options: Any) -> ImportRun:
        only = (*self.needs, self.resource.name)
        return begin(self.box, page_limit=PAGE_LIMIT, only=only, **options)

    def bring(self, **options: Any) -> ImportRun:
        """A whole import."""
        return self.work(self.begin(**options))

    def work(self, run: ImportRun, until: Callable[[ImportStep], bool] | None = None) -> ImportRun:
        """To the end, page by page, or until a page of the resource is followed by this."""
        for _ in range(MANY_WINDOWS):
            step = control.current_step(run.pk)
            if step is None:
                control.finish(run.pk)
                run.refresh_from_db()
                return run
            window.run_window(str(run.pk), step.resource, step.version)
            ImportStep.objects.filter(pk=step.pk).update(not_before=None)
            step.refresh_from_db()
            run.refresh_from_db()
            if run.status not in ImportRun.WORKING:
                raise Broken(f"Its import is {run.status}: {run.reason}")
            if until and step.resource == self.resource.name and until(step):
                return run
        raise Broken("Its cursor does not move: the import comes to no end.")

    def prove(self, run: ImportRun) -> ImportRun:
        control.verify(run, send=False)
        run.refresh_from_db()
        return self.work(run)

    def wrap(self, patch: pytest.MonkeyPatch, name: str, by: Callable[..., Any]) -> None:
        """`by` is called instead of the resource's method, with the method and its arguments."""
        inner = getattr(self.resource, name)
        patch.setattr(self.resource, name, lambda *args: by(inner, *args), raising=False)

    def questions(self) -> Counter[str]:
        """What was asked of the listing since the requests were forgotten."""
        asked = [query for _, path, query, _ in self.box.requests if path == self.path]
        return Counter(str(sorted(query.items())) for query in asked)

    def rewrite(self, answer: Callable[[dict[str, str], list[Any]], list[Any]]) -> None:
        """From now on the listing is what `answer` makes of it."""
        before = self.box.rewrites.get(self.path)

        def rewritten(query: dict[str, str], found: Answer) -> Answer | None:
            found = (before and before(query, found)) or found
            if found.status != 200:
                return None
            return Answer(200, encode(answer(query, json.loads(found.body))))

        self.box.rewrites[self.path] = rewritten


class OfBookings(Trial):
    path = "/appointments"
    parameters = ("maxDate", "showall", "max")

    def wanted(self) -> Counter[Any]:
        return Counter((str(row["id"]), row["canceled"]) for row in self.data.appointments)

    def stored(self) -> Counter[Any]:
        rows = Appointment.objects.filter(removed_at=None)
        return Counter(rows.values_list("external_id", "canceled"))

    def number(self, n: int) -> int:
        return int([row["id"] for row in self.data.appointments if not row["canceled"]][n])

    def change(self) -> None:
        self.data.cancel(self.number(3))

    def remove(self) -> None:
        self.data.delete(self.number(5))

    def spoil(self) -> Callable[[], None]:
        number = self.number(3)
        self.data.edit(number, price="twelve")
        return lambda: self.data.edit(number, price="12.50")


class OfClients(Trial):
    path = "/clients"

    def wanted(self) -> Counter[Any]:
        names = {(row["firstName"], row["lastName"]) for row in self.data.clients}
        return Counter(
            {(first.strip().casefold(), last.strip().casefold()) for first, last in names}
        )

    def stored(self) -> Counter[Any]:
        rows = Client.objects.filter(listed=True).values_list("first_name", "last_name")
        return Counter((first.strip().casefold(), last.strip().casefold()) for first, last in rows)

    def change(self) -> None:
        self.data.clients[3]["lastName"] = "Renamed"

    def remove(self) -> None:
        row = self.data.clients[5]
        name = row["firstName"], row["lastName"]
        self.data.clients[:] = [
            row for row in self.data.clients if (row["firstName"], row["lastName"]) != name
        ]

    def spoil(self) -> Callable[[], None]:
        row = self.data.clients[3]
        email, row["email"] = row["email"], {"no": "text"}
        return lambda: row.update(email=email)


class OfPayments(Trial):
    needs = ("appointments",)

    def wanted(self) -> Counter[Any]:
        rows = self.data.payments.items()
        return Counter((str(n), f"{float(row['amount']):.2f}") for n, some in rows for row in some)

    def stored(self) -> Counter[Any]:
        rows = Payment.objects.filter(removed_at=None, appointment__removed_at=None)
        found = rows.values_list("appointment__external_id", "amount")
        return Counter((key, f"{amount:.2f}") for key, amount in found)

    def number(self, n: int) -> int:
        return int([number for number, rows in sorted(self.data.payments.items()) if rows][n])

    def pay(self, number: int, *amounts: str) -> None:
        row = {"created": "2026-02-01T10:00:00-0500", "processor": "cash", "transactionID": ""}
        paid = {"paid": "yes", "amountPaid": f"{sum(map(float, amounts)):.2f}"}
        self.data.edit(number, **paid, payments=[row | {"amount": amount} for amount in amounts])

    def change(self) -> None:
        self.pay(self.number(3), "99.00")

    def remove(self) -> None:
        """As a payment in the database that the source never had."""
        payment = Payment.objects.order_by("pk")[2]
        payment.pk, payment.external_id = None, "invented"
        payment.save()

    def spoil(self) -> Callable[[], None]:
        number = self.number(3)
        self.pay(number, "12.00")
        self.data.payments[number][0]["amount"] = "twelve"
        return lambda: self.pay(number, "12.00")


class OfChairs(Trial):
    """A listing that the sandbox does not have, kept as labels."""

    path = "/chairs"

    def __init__(self, resource: Resource, box: Sandbox) -> None:
        super().__init__(resource, box)
        self.rows: list[dict[str, Any]] = [
            {"id": n, "name": f"Chair {n}", "color": "green"} for n in range(1, 7)
        ]
        box.rewrites["/chairs"] = lambda query, found: Answer(200, encode(self.rows))

    def wanted(self) -> Counter[Any]:
        return Counter((row["name"], row["color"]) for row in self.rows)

    def stored(self) -> Counter[Any]:
        return Counter(Label.objects.filter(removed_at=None).values_list("name", "color"))

    def change(self) -> None:
        self.rows[3]["color"] = "pink"

    def remove(self) -> None:
        del self.rows[5]

    def spoil(self) -> Callable[[], None]:
        name, self.rows[3]["name"] = self.rows[3]["name"], {"no": "text"}
        return lambda: self.rows[3].update(name=name)


class OfList(Trial):
    """A list that comes whole; its rows are compared by all that they say."""

    # What a row cannot be read without.
    needed = {"orders": "total", "certificates": "certificate", "blocks": "notes"}

    def __init__(self, resource: Any, box: Sandbox) -> None:
        super().__init__(resource, box)
        self.path = resource.path
        self.rows: list[dict[str, Any]] = box.account.lists[self.path.strip("/")]

    def wanted(self) -> Counter[Any]:
        shown = [{k: v for k, v in row.items() if k != HIDDEN} for row in self.rows]
        return Counter(json.dumps(row, sort_keys=True) for row in shown)

    def stored(self) -> Counter[Any]:
        rows: Any = self.resource.model._default_manager
        raw = rows.filter(known_from="", removed_at=None).values_list("raw", flat=True)
        return Counter(json.dumps(row, sort_keys=True) for row in raw)

    def change(self) -> None:
        self.rows[0]["notes" if "notes" in self.rows[0] else "name"] = "Changed"

    def remove(self) -> None:
        del self.rows[-1]

    def spoil(self) -> Callable[[], None]:
        row, key = self.rows[0], self.needed.get(self.resource.name, "name")
        had, row[key] = row[key], {"not": "this"}
        return lambda: row.update({key: had})


TRIALS: dict[str, type[Trial]] = {
    **{name: OfList for name, resource in RESOURCES.items() if isinstance(resource, Whole)},
    "clients": OfClients,
    "appointments": OfBookings,
    "payments": OfPayments,
    "chairs": OfChairs,
}


def same(trial: Trial, how: str) -> None:
    """Raises Broken, with what is missing and what is too much, if the database has anything else."""
    missing, extra = trial.wanted() - trial.stored(), trial.stored() - trial.wanted()
    if missing or extra:
        raise Broken(f"{how}: {missing.total()} missing, {extra.total()} too many.")


def keys_are_unique_and_last(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    trial.bring(verify=False)
    want, had = trial.wanted().total(), trial.stored().total()
    if had < want:
        raise Broken(f"Its key is not unique: {want} records became {had} rows.")
    same(trial, "It stores something else")
    trial.bring(verify=False)
    if trial.stored().total() > want:
        raise Broken("Its key is another at the next reading: rows were stored again.")


def a_second_import_writes_nothing(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    trial.bring()
    writes = Writes([trial.resource.model])
    with connection.execute_wrapper(writes):
        trial.bring()
    if writes.rows:
        raise Broken(f"A second import writes {writes.rows} rows of an unchanged account.")


def save_never_asks(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    def save(inner: Callable[..., Any], context: Any, page: Any) -> Any:
        def asked(*_: Any, **__: Any) -> None:
            raise Broken("Its save asks the source, while a transaction is open.")

        with pytest.MonkeyPatch.context() as during:
            for way in ("get", "each", "prefetch"):
                during.setattr(context.source, way, asked)
            return inner(context, page)

    trial.wrap(patch, "save", save)
    trial.wrap(patch, "heal", save)
    trial.bring()
    trial.lose()
    trial.prove(ImportRun.objects.get())


def fetch_never_writes(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    def reads(inner: Callable[..., Any], *args: Any) -> Any:
        writes = Writes([*ROWS, StagedPage, RejectedRecord])
        with connection.execute_wrapper(writes):
            found = inner(*args)
        if writes.rows:
            raise Broken("Its fetch or its check writes, outside of the page's transaction.")
        return found

    for name in ("fetch", "check", "recheck"):
        trial.wrap(patch, name, reads)
    trial.bring()
    trial.lose()
    trial.prove(ImportRun.objects.get())


def the_cursor_is_where_the_rows_end(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    trial.bring(verify=False)
    same(trial, "Its cursor moves past what was stored")


def rows_and_checkpoint_are_one_transaction(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    failing = iter([True])

    def save(inner: Callable[..., Any], *args: Any) -> Any:
        counts = inner(*args)
        if counts.created and next(failing, False):
            raise OperationalError("disk full")
        return counts

    trial.wrap(patch, "save", save)
    run = trial.begin(verify=False)
    before: dict[str, Any] = {}
    while step := control.current_step(run.pk):
        before = {"cursor": step.cursor, "offset": step.offset}
        window.run_window(str(run.pk), step.resource, step.version)
        step.refresh_from_db()
        if step.waiting_for:
            break
    if before != {"cursor": step.cursor, "offset": step.offset}:
        raise Broken("Its checkpoint moves outside the transaction of its rows.")
    ImportStep.objects.filter(pk=step.pk).update(not_before=None)
    trial.work(run)
    same(trial, "A page that was undone is not stored again")


def a_page_that_comes_twice_counts_once(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    """As after a backup: rows are there, and the checkpoint is that of the page before."""
    run = trial.begin(verify=False)
    before: list[ImportStep] = []

    def stored_first(step: ImportStep) -> bool:
        return step.created > 0

    def fetch(inner: Callable[..., Any], context: Any) -> Any:
        before.append(ImportStep.objects.get(pk=context.position.step))
        return inner(context)

    trial.wrap(patch, "fetch", fetch)
    trial.work(run, until=stored_first)
    last = before[-1]
    staged = last.cursor.get("staged", False)
    ImportStep.objects.filter(pk=last.pk).update(
        cursor=last.cursor, offset=last.offset, total=last.total, status="running"
    )
    if staged and not StagedPage.objects.filter(step=last).exists():
        raise Broken("What was staged is gone before the step is done.")
    trial.work(run)
    step = run.steps.get(resource=trial.resource.name)
    rows = trial.resource.model._default_manager.count()
    if step.created > rows or trial.stored().total() > trial.wanted().total():
        raise Broken(f"A page that comes twice counts twice: {step.created} created, {rows} rows.")
    same(trial, "A page that comes twice is stored otherwise")


def checked(trial: Trial, damage: Callable[[], None], what: str) -> None:
    run = trial.bring()
    same(trial, "Its import does not end equal to the source")
    damage()
    trial.prove(run)
    if run.verified:
        same(trial, f"Its check misses {what}")


def check_finds_a_deleted_row(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    checked(trial, trial.lose, "a deleted row")


def check_finds_a_changed_record(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    checked(trial, trial.change, "a changed record")


def check_finds_an_extra_row(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    checked(trial, trial.remove, "an extra row")


def check_asks_otherwise(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    """By another question; or, where a listing has but one, twice."""
    if not trial.path:
        pytest.skip("has no listing")
    trial.box.forget()
    run = trial.bring(verify=False)
    walked = trial.questions()
    trial.box.forget()
    trial.prove(run)
    proof = trial.questions()
    if not proof.keys() - walked.keys() and max(proof.values(), default=0) < 2:
        raise Broken("Its check asks as the walk did, and only once.")


def nothing_is_gone_by_one_witness(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    if not trial.path:
        pytest.skip("has no listing")
    run, left = trial.bring(), iter([True])
    trial.rewrite(lambda query, rows: rows[1:] if next(left, False) else rows)
    trial.prove(run)
    same(trial, "It takes a record as gone by one witness")


def a_healed_reject_is_settled(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    mend = trial.spoil()
    trial.bring()
    if not RejectedRecord.objects.filter(resolved_at=None).exists():
        raise Broken("A record that cannot be read is not kept.")
    mend()
    trial.bring()
    same(trial, "A healed record is not stored")
    if RejectedRecord.objects.filter(resolved_at=None).exists():
        raise Broken("A healed reject is not settled.")


def lied_to(trial: Trial, what: str) -> None:
    """Another import of the same account, from a source that lies by now."""
    run = trial.bring()
    if run.verified:
        same(trial, f"It takes a listing as whole that {what}")


def a_cut_listing_is_not_whole(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    if not trial.path:
        pytest.skip("has no listing")
    if trial.resource.sized:
        trial.box.options.cap = 7
        lied_to(trial, "is cut")
        return
    trial.bring()
    most = trial.wanted().total() // 2
    trial.rewrite(lambda query, rows: rows if "search" in query else rows[:most])
    lied_to(trial, "is cut")


def a_reversed_listing_is_not_whole(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    if not trial.path:
        pytest.skip("has no listing")
    trial.rewrite(lambda query, rows: rows[::-1])
    lied_to(trial, "is reversed")


def an_ignored_parameter_is_seen(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    if not trial.parameters:
        pytest.skip("has no parameters")
    key = f"Bearer {trial.box.options.api_key}"
    for name in trial.parameters:

        def deaf(query: dict[str, str], found: Answer, name: str = name) -> Answer | None:
            if name not in query:
                return None
            rest = {key: value for key, value in query.items() if key != name}
            return trial.box.answer("GET", trial.path, rest, key, "")

        trial.box.rewrites[trial.path] = deaf
        lied_to(trial, f"ignores {name}")
        Appointment.objects.all().delete()
        Tenant.objects.all().delete()


def no_person_is_logged(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("acuity").addHandler(handler)
    try:
        trial.bring()
    finally:
        logging.getLogger("acuity").removeHandler(handler)
        root.removeHandler(handler)
        root.setLevel(before)
    people = {row["email"] for row in [*trial.data.clients, *trial.data.appointments]} - {""}
    if any(person in line for line in lines for person in people):
        raise Broken("A person is in a log line.")


def no_secret_link_is_stored(trial: Trial, patch: pytest.MonkeyPatch) -> None:
    trial.bring()
    trial.prove(ImportRun.objects.get())
    kept = str(contents()) + str(list(RejectedRecord.objects.values_list("payload")))
    secrets = {row["confirmationPage"] for row in trial.data.appointments}
    if any(secret in kept for secret in secrets):
        raise Broken("A secret link is stored.")


PROMISES: dict[str, Callable[[Trial, pytest.MonkeyPatch], None]] = {
    promise.__name__: promise
    for promise in (
        keys_are_unique_and_last,
        a_second_import_writes_nothing,
        save_never_asks,
        fetch_never_writes,
        the_cursor_is_where_the_rows_end,
        rows_and_checkpoint_are_one_transaction,
        a_page_that_comes_twice_counts_once,
        check_finds_a_deleted_row,
        check_finds_a_changed_record,
        check_finds_an_extra_row,
        check_asks_otherwise,
        nothing_is_gone_by_one_witness,
        a_healed_reject_is_settled,
        a_cut_listing_is_not_whole,
        a_reversed_listing_is_not_whole,
        an_ignored_parameter_is_seen,
        no_person_is_logged,
        no_secret_link_is_stored,
    )
}


@contextmanager
def in_place(resource: Resource) -> Iterator[None]:
    """The importer knows this resource, instead of one of ours of the same name or behind them."""
    known, steps = dict(RESOURCES), dict(STEPS)
    RESOURCES[resource.name] = resource
    first, last = steps["account"], steps["verify"]
    STEPS.clear()
    STEPS.update({"account": first, **RESOURCES, "verify": last})
    try:
        yield
    finally:
        for registry, before in ((RESOURCES, known), (STEPS, steps)):
            registry.clear()
            registry.update(before)  # type: ignore[arg-type]


def try_out(resource: Resource, promise: str) -> str:
    """How the resource breaks the promise, in a sentence; "" if it keeps it.

    Leaves its rows in the database, which has to be empty before.
    """
    with ExitStack() as stack:
        stack.enter_context(in_place(resource))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(window, "WINDOW_SECONDS", 0.0)
        data = make_account(clients=12, appointments=40, months=2)
        box = stack.enter_context(Sandbox(data, SandboxOptions()))
        try:
            PROMISES[promise](TRIALS[resource.name](resource, box), patch)
        except Broken as how:
            return str(how)
    return ""
