"""What may a proof say, and what does its file hold? A few rows written by hand, without an import."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.utils import timezone

from bookings.models import Appointment, Client, Payment, Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.proof import digests, file, statement, verification
from integrations.acuity.proof.file import BadFile, Difference, Proof
from integrations.acuity.proof.headline import headline
from integrations.acuity.reading.findings import Difference as Apart
from integrations.acuity.reading.findings import Gap, Pair
from integrations.acuity.resources.base import Checked, Context, Found, Said
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.runs import control
from integrations.acuity.runs.options import Options
from integrations.acuity.source.client import Tally
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store import rejects
from integrations.acuity.store.upsert import Counts
from integrations.models import AcuityAccount, ImportRun, RejectedRecord
from integrations.privacy.forgetting import forget

pytestmark = [pytest.mark.django_db, pytest.mark.database]
BOOKINGS = {"stored": 1204}
PAID = {"lists_read": 7, "unasked": 1100}


@pytest.fixture
def run() -> ImportRun:
    tenant = Tenant.objects.create(name="Example Studio", currency="USD")
    account = AcuityAccount.objects.create(
        tenant=tenant, user_id="1", api_key="key", source_id="77", timezone="America/New_York"
    )
    return control.start(account, Options(only=("clients", "appointments", "payments")), send=False)


def booked(run: ImportRun, key: str, day: date, *payments: tuple[str, str]) -> Appointment:
    """A booking at noon UTC, with payments of (processor, amount)."""
    account = run.account
    client, _ = Client.objects.get_or_create(
        **account.marks, external_id="ann", defaults={"first_name": "Ann", "listed": True}
    )
    starts = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    booking = Appointment.objects.create(
        **account.marks,
        external_id=key,
        client=client,
        starts_at=starts,
        ends_at=starts + timedelta(hours=1),
        service_date=day,
        price=Decimal(0),
        amount_paid=sum((Decimal(amount) for _, amount in payments), Decimal(0)),
    )
    for n, (processor, amount) in enumerate(payments):
        Payment.objects.create(
            tenant=account.tenant,
            appointment=booking,
            external_id=str(n),
            processor=processor,
            amount=Decimal(amount),
            currency="USD",
            paid_at=starts,
            service_date=day,
        )
    return booking


def hashed(*lines: str) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def proven(run: ImportRun, *resources: str) -> Proof:
    """The proof of what is stored now, as a run keeps it."""
    kept = digests.stored(Scope.of(run).extent, resources, 2)
    run.digests = json.loads(json.dumps(file.msgspec.to_builtins(kept)))
    run.verified, run.verified_at = True, datetime(2025, 7, 1, tzinfo=UTC)
    run.scope = {"appointments": BOOKINGS}
    run.save()
    return file.of(ImportRun.objects.select_related("account__tenant").get(pk=run.pk))


# The headline


@pytest.mark.parametrize(
    ("scope", "verified", "words"),
    [
        ({}, True, ""),
        (
            {"note": "…"},
            True,
            "This run's proof did not record what it asked; prove it again.",
        ),
        ({"appointments": BOOKINGS}, True, "All 1,204 bookings that Acuity lists."),
        ({"appointments": BOOKINGS}, False, "Stored: 1,204 bookings that Acuity lists."),
        # What comes in pages leads, whatever the order of a run.
        (
            {"clients": {"stored": 3}, "appointments": BOOKINGS, "payments": PAID},
            True,
            "All 1,204 bookings that Acuity lists, 3 clients of its list, the 7 payment lists that"
            " were read. Not asked: the payments of 1,100 unpaid bookings.",
        ),
        ({"labels": {"stored": 2, "not_asked": "Not asked: labels."}}, True, "Not asked: labels."),
        ({"appointments": {}, "clients": {"stored": 3}}, True, "All 3 clients of its list."),
        (
            {"labels": {"stored": 2, "unproven": "…"}, "forms": {"stored": 0, "unproven": "…"}},
            True,
            "Not proven to be whole: forms, labels.",
        ),
    ],
)
def test_a_headline_says_what_was_compared_and_what_was_not_asked(
    scope: dict[str, Any], verified: bool, words: str
) -> None:
    assert headline(scope, verified) == words


# The digests


def test_a_month_is_its_rows_their_money_and_their_hash(run: ImportRun) -> None:
    may, june = date(2025, 5, 31), date(2025, 6, 1)
    booked(run, "7", may, ("cash", "12.50"), ("cash", "7.50"), ("stripe", "-3"))
    booked(run, "5", may)
    booked(run, "9", june, ("", "1"))

    found = digests.stored(Scope.of(run).extent, ["appointments", "payments"], 2)

    bookings, paid = found["appointments"], found["payments"]
    assert found.keys() == {"appointments", "payments"}
    assert {month: (m.count, m.cents, m.places) for month, m in bookings.items()} == {
        "2025-05": (2, 1700, 2),
        "2025-06": (1, 100, 2),
    }
    assert bookings["2025-05"].sha256 == hashed(
        "7|2025-05-31T12:00:00Z|no|17.00", "5|2025-05-31T12:00:00Z|no|0.00"
    )
    assert bookings["2025-05"].parts == {} and paid["2025-06"].parts == {}
    assert (paid["2025-05"].count, paid["2025-05"].cents) == (3, 1700)
    assert paid["2025-05"].parts == {"cash": 2000, "stripe": -300}
    assert digests.stored(Scope.of(run).extent, [], 2) == {}


def test_thousandths_are_counted_where_a_currency_has_them(run: ImportRun) -> None:
    booked(run, "7", date(2025, 5, 31), ("cash", "12.505"))

    month = digests.stored(Scope.of(run).extent, ["payments"], 3)["payments"]["2025-05"]

    assert (month.cents, month.parts, month.places) == (12505, {"cash": 12505}, 3)


# The file


def test_a_file_is_read_as_it_was_written_and_not_if_it_was_changed(run: ImportRun) -> None:
    booked(run, "7", date(2025, 5, 31), ("cash", "12.50"))
    proof = proven(run, "appointments", "payments")

    content = file.encode(proof)
    whole = json.loads(content)

    assert file.decode(content) == proof
    assert content.endswith(b"}\n") and b'\n  "run": ' in content
    own = whole.pop("sha256")
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert own == proof.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (proof.places, proof.statement, proof.timezone) == (
        2,
        "All 1,204 bookings that Acuity lists.",
        "America/New_York",
    )
    assert proof.lines.keys() == {"appointments", "payments"}
    assert (proof.extent, proof.business) == (Scope.of(run).extent, "Example Studio")
    for name, value in {"verified": False, "statement": "All.", "note": "…"}.items():
        with pytest.raises(BadFile, match="was changed"):
            file.decode(json.dumps(whole | {name: value, "sha256": own}).encode())


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[1]", b"{}", b'{"sha256": ""}', b"[" * 100_000, b'"x"']
)
def test_what_is_no_proof_is_refused(content: bytes) -> None:
    with pytest.raises(BadFile, match="no proof file"):
        file.decode(content)


def test_a_file_of_a_newer_version_is_refused_by_the_names_that_are_unknown(run: ImportRun) -> None:
    booked(run, "7", date(2025, 5, 31))
    proof = proven(run, "appointments")
    newer = file.msgspec.structs.replace(
        proof, resources={"unicorns": {}, "dragons": {}} | proof.resources
    )

    with pytest.raises(BadFile, match="knows no dragons, unicorns:"):
        file.decode(file.encode(newer))


def test_a_proof_whose_months_have_three_places_counts_by_them(run: ImportRun) -> None:
    booked(run, "7", date(2025, 5, 31))
    proof = proven(run, "appointments")
    assert file.msgspec.structs.replace(proof, resources={}).places == 2
    three = digests.Month(1, 0, "", places=3)

    months = {"appointments": proof.resources["appointments"], "payments": {"2025-05": three}}

    assert file.msgspec.structs.replace(proof, resources=months).places == 3


@pytest.mark.parametrize("lacking", ["digests", "verified_at"])
def test_a_run_without_a_proof_has_no_file(run: ImportRun, lacking: str) -> None:
    booked(run, "7", date(2025, 5, 31))
    proven(run, "appointments")
    run.refresh_from_db()
    setattr(run, lacking, {"digests": {}, "verified_at": None}[lacking])

    with pytest.raises(ConfigurationError, match="has no proof"):
        file.of(run)


def test_only_the_months_that_are_stored_otherwise_are_named(run: ImportRun) -> None:
    first = booked(run, "7", date(2025, 5, 31), ("cash", "12.50"))
    booked(run, "8", date(2025, 6, 1), ("cash", "1"))
    proof = proven(run, "appointments", "payments")
    assert file.differences(proof) == []

    first.delete()
    booked(run, "9", date(2025, 7, 1))

    found = {
        (d.resource, d.month): (d.proven.count, d.stored.count) for d in file.differences(proof)
    }
    assert found == {
        ("appointments", "2025-05"): (1, 0),
        ("appointments", "2025-07"): (0, 1),
        ("payments", "2025-05"): (1, 0),
    }
    gone: Difference = file.differences(proof)[0]
    assert (gone.stored.cents, gone.stored.sha256) == (0, "")


# The statement


class Part:
    """A resource whose proof ends as it is told."""

    def __init__(self, said: Said) -> None:
        self.said, self.ended = said, list[dict[str, Any]]()

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        self.ended.append(cursor)
        return self.said


def concluded(
    monkeypatch: pytest.MonkeyPatch, run: ImportRun, inner: dict[str, Any], **said: Said
) -> dict[str, Part]:
    parts = {name: Part(each) for name, each in said.items()}
    monkeypatch.setattr(statement, "RESOURCES", parts)
    statement.conclude(Context.of(Scope.of(run), cast(Fetcher, None)), inner)
    run.refresh_from_db()
    return parts


def test_a_statement_is_what_each_resource_said(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, other = Gap("day", "Cut.", day="2025-06-01"), Gap("payments", "Unread.", missing=2)
    apart = Apart(appointment="7", month="2025-05", amount_paid="1.00", payments="0.00")
    parts = concluded(
        monkeypatch,
        run,
        {"appointments": {"n": 1}},
        clients=Said({"stored": 3}),
        appointments=Said(
            {"stored": 2}, [day], {"2025-05": Pair(1, 1), "2025-06": Pair(2, 1)}, ignored=["max"]
        ),
        payments=Said({}, [other], differences=[apart], ignored=["direction", "max"]),
        # No step of this run.
        orders=Said({"stored": 9}, [Gap("orders", "Never asked.")]),
    )

    assert [part.ended for part in parts.values()] == [[{}], [{"n": 1}], [{}], []]
    assert run.scope == {
        "clients": {"stored": 3, "verified": True},
        "appointments": {"stored": 2, "verified": False},
        "payments": {"verified": False},
    }
    assert run.coverage == {"2025-05": [1, 1], "2025-06": [2, 1]}
    assert run.gaps == [
        {"kind": "day", "reason": "Cut.", "day": "2025-06-01"},
        {"kind": "payments", "reason": "Unread.", "missing": 2},
    ]
    assert [each["appointment"] for each in run.differences] == ["7"]
    assert run.ignored_parameters == ["direction", "max"]
    assert (run.verified, run.digests.keys()) == (False, {"clients", "appointments", "payments"})
    assert run.verified_at and timezone.now() - run.verified_at < timedelta(minutes=5)


def test_without_a_gap_it_is_verified_but_not_what_was_not_asked(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    concluded(
        monkeypatch,
        run,
        {},
        clients=Said({"not_asked": "Not asked."}),
        appointments=Said({"unproven": "By nothing."}),
        payments=Said({"asked": 1}),
    )

    assert (run.verified, run.gaps) == (True, [])
    assert {name: part["verified"] for name, part in run.scope.items()} == {
        "clients": None,
        "appointments": None,
        "payments": True,
    }


def test_what_could_not_be_read_is_a_gap_of_its_resource(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(resource: str, *keys: str, **fields: Any) -> None:
        for key in keys:
            RejectedRecord.objects.create(
                account=run.account,
                resource=resource,
                external_id=key,
                digest=f"{key} {sorted(fields)}",
                payload={},
                **({"run": run} | fields),
            )

    refuse("clients", "")
    refuse("appointments", "6", "5", "4", "3", "2", "1")
    refuse("appointments", "9", resolved_at=timezone.now())
    another = ImportRun.objects.create(account=run.account, status="completed")
    refuse("payments", "8", run=another)

    concluded(monkeypatch, run, {}, clients=Said({}), appointments=Said({}), payments=Said({}))

    assert run.verified is False
    assert run.gaps == [
        {
            "kind": "rejected",
            "reason": "6 records of appointments (6, 5, 4, 3, 2, …) that could not be read;"
            " see the rejected records.",
            "resource": "appointments",
            "missing": 6,
            "ids": ["6", "5", "4", "3", "2"],
        },
        {
            "kind": "rejected",
            "reason": "1 record of clients that could not be read; see the rejected records.",
            "resource": "clients",
            "missing": 1,
        },
    ]
    read = {name: part["verified"] for name, part in run.scope.items()}
    assert read == {"clients": False, "appointments": False, "payments": True}


# The verification


class Asked:
    """A resource that is compared in two pages, then looked at again in one."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.healed: list[Found] = []

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        self.calls.append(("check", cursor))
        page = cursor.get("page", 0) + 1
        found = Found([1, 2], [3]) if page == 1 else Found()
        return Checked(found, Inner(page=page), done=page == 2, count=4, total=8)

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        self.calls.append(("recheck", cursor))
        return Checked(Found(), Inner(page=9), done=True)

    def heal(self, context: Context, found: Found) -> Counts:
        assert context.by == "verify"
        self.healed.append(found)
        return Counts(created=len(found.save), unchanged=5)


class Inner(verification.Stored, frozen=True):
    page: int = 0


@pytest.mark.parametrize("anew", [True, False])
def test_each_resource_is_checked_and_then_each_once_more(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    parts = {name: Asked() for name in ("clients", "appointments", "orders")}
    monkeypatch.setattr(verification, "RESOURCES", parts)
    ended: list[dict[str, Any]] = []
    monkeypatch.setattr(statement, "conclude", lambda context, inner: ended.append(inner))
    source = cast(Fetcher, SimpleNamespace(client=SimpleNamespace(tally=Tally())))
    context, step = Context.of(Scope.of(run), source), verification.Verification()
    cursor: dict[str, Any] = {"anew": True} if anew else {}
    pages = []

    for _ in range(20):
        context.position = Position(cursor=cursor)
        page = step.fetch(context)
        mended = step.save(context, page)
        assert mended == (Counts(2, 1) if page.differing else Counts())
        pages.append((page.size, page.total, page.differing, page.done))
        cursor = verification.as_json(page.cursor)
        if page.done:
            break

    first = {"anew": anew}
    own = [("check", first), ("check", {"page": 1}), ("recheck", {"page": 2})]
    assert [parts[name].calls for name in ("clients", "appointments")] == [own, own]
    assert parts["orders"].calls == []
    # What found nothing and asked nothing is of the same page as what comes after it.
    assert pages == [(4, 8, 3, False), (8, 8, 3, False), (4, 8, 0, True)]
    assert parts["clients"].healed[0] == Found([1, 2], [3]) and len(parts["clients"].healed) == 3
    assert ended == [{"clients": {"page": 9}, "appointments": {"page": 9}}]
    assert cursor == {"turn": 4, "inner": ended[0]} | ({"anew": True} if anew else {})


# The rejects


def test_a_reject_is_kept_once_without_its_links_and_settled_when_it_is_stored(
    run: ImportRun,
) -> None:
    origin = Scope.of(run).origin
    bad = {"id": 7, "price": "twelve", "confirmationPage": "https://example.com/s"}

    first = rejects.reject(origin, "appointments", [(bad, "price"), (["no", "object"], "shape")])
    again = rejects.reject(origin, "appointments", [(bad | {"forms": []}, "price is not a number")])

    assert (first, again) == (Counts(rejected=2), Counts(rejected=1))
    kept = RejectedRecord.objects.get(external_id="7")
    assert (kept.payload, kept.reason) == (
        {"id": 7, "price": "twelve", "forms": []},
        "price is not a number",
    )
    assert RejectedRecord.objects.get(external_id="").payload == ["no", "object"]
    rejects.resolve(origin, "clients", ["7"])
    rejects.resolve(origin, "appointments", ["8"])
    assert not RejectedRecord.objects.exclude(resolved_at=None).exists()
    rejects.resolve(origin, "appointments", ["8", "7"])
    assert [row.external_id for row in RejectedRecord.objects.exclude(resolved_at=None)] == ["7"]
    rejects.reject(origin, "appointments", [(bad, "price")])
    assert not RejectedRecord.objects.exclude(resolved_at=None).exists()


def test_a_reject_of_somebody_who_was_forgotten_keeps_no_word_of_them(run: ImportRun) -> None:
    booking = booked(run, "7", date(2025, 5, 31))
    ann = {"firstName": "Ann", "lastName": "Lee", "email": "ann@example.com"}
    Client.objects.filter(pk=booking.client_id).update(
        first_name="Ann", last_name="Lee", email="ann@example.com"
    )
    origin, nameless = Scope.of(run).origin, {"id": 5, "notes": "Ann Lee, ann@example.com"}
    rejects.reject(origin, "appointments", [(nameless, "x")])
    forget(Client.objects.get(pk=booking.client_id))
    bob = {"id": 9, "firstName": "Bob", "notes": "tea"}

    rejects.reject(
        origin, "appointments", [({"id": 8, "price": "x"} | ann, "x"), (bob, "x"), (nameless, "x")]
    )

    kept = dict(RejectedRecord.objects.values_list("external_id", "payload"))
    # By name, and by the record itself where it named her when she was forgotten.
    assert kept == {"8": {"id": 8, "price": "x"}, "9": bob, "5": {"id": 5}}


def test_without_a_run_rejects_are_counted_and_not_kept(run: ImportRun) -> None:
    nobody = Scope.of(run).origin._replace(run=None)

    assert rejects.reject(nobody, "clients", [({"id": 1}, "x")]) == Counts(rejected=1)
    assert rejects.reject(Scope.of(run).origin, "clients", []) == Counts()
    assert not RejectedRecord.objects.exists()
