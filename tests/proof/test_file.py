"""Does a proof file say what was stored, and does it notice whatever changes? Hashed here by hand."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db.models import F
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Appointment, Client, Payment, Tenant
from integrations.acuity.resources import RESOURCES
from integrations.acuity.runs import control
from integrations.acuity.sandbox import Account, Sandbox, make_account
from integrations.models import ImportRun, Membership
from tests.conftest import import_all, source

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
Changed = Callable[[Appointment], Any]


@pytest.fixture
def data() -> Account:
    return make_account(clients=12, appointments=60, months=6)


@pytest.fixture
def box(data: Account) -> Iterator[Sandbox]:
    with source(data) as box:
        yield box


def command(*args: Any) -> tuple[int, str, str]:
    """Exit status, output, errors."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("acuity_proof", *map(str, args), stdout=out, stderr=err)
    return int(str(left.value.code)), out.getvalue(), err.getvalue()


def written(run: ImportRun) -> dict[str, Any]:
    status, out, err = command(run.pk)
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def kept(tmp_path: Path, box: Sandbox) -> Path:
    """The file of an import."""
    path = tmp_path / "proof.json"
    path.write_text(command(import_all(box).pk)[1])
    return path


def by_month(rows: list[tuple[str, str, int]]) -> dict[str, dict[str, Any]]:
    """From (month, line, cents): what a file must have."""
    months = defaultdict(list)
    for month, line, cents in rows:
        months[month].append((line, cents))
    return {
        month: {
            "count": len(those),
            "cents": sum(cents for _, cents in those),
            "sha256": hashlib.sha256("\n".join(sorted(x for x, _ in those)).encode()).hexdigest(),
        }
        for month, those in months.items()
    }


def booked(data: Account) -> list[tuple[str, str, int]]:
    """The bookings as the source has them."""
    rows = []
    for row in data.appointments:
        local = datetime.fromisoformat(row["datetime"])
        start = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        paid = Decimal(row["amountPaid"])
        canceled = "yes" if row["canceled"] else "no"
        line = f"{row['id']}|{start}|{canceled}|{paid:.2f}"
        rows.append((local.strftime("%Y-%m"), line, int(paid * 100)))
    return rows


@pytest.mark.long
def test_the_digests_are_those_of_what_the_source_has(box: Sandbox, data: Account) -> None:
    proof = written(import_all(box))

    assert proof["resources"]["appointments"] == by_month(booked(data))


@pytest.mark.long
def test_payments_and_clients_are_hashed_as_the_file_says(box: Sandbox) -> None:
    proof = written(import_all(box))

    payments = [
        (
            f"{p.service_date:%Y-%m}",
            f"{p.appointment.external_id}|{p.external_id}|{p.amount:.2f}",
            int(p.amount * 100),
        )
        for p in Payment.objects.select_related("appointment")
    ]
    found = proof["resources"]["payments"]
    parts = {month: kept.pop("parts") for month, kept in found.items()}
    assert found == by_month(payments)
    for month, kept in found.items():
        assert sum(parts[month].values()) == kept["cents"]
    people = [
        ("all", f"{c.external_id}|{c.first_name}|{c.last_name}|{c.email}|{c.phone}|{c.listed}", 0)
        for c in Client.objects.all()
    ]
    assert proof["resources"]["clients"] == by_month(people)
    assert proof["lines"]["appointments"] == "id|start in UTC|canceled|amount paid"


@pytest.mark.long
def test_the_file_has_the_statement_and_its_own_digest(box: Sandbox) -> None:
    run = import_all(box)

    proof = written(run)

    own = proof.pop("sha256")
    text = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert own == hashlib.sha256(text.encode()).hexdigest()
    assert (proof["verified"], proof["scope"], proof["gaps"]) == (True, run.scope, [])
    assert proof["statement"].startswith("All 60 bookings that Acuity lists")


@pytest.mark.long
def test_a_database_left_alone_is_as_the_file_has_it(kept: Path) -> None:
    status, out, err = command("--check", kept)

    assert (status, err) == (0, "")
    assert "Stored as it was proven" in out and "and no other column" in out


CHANGES: dict[str, tuple[str, Changed]] = {
    "an amount paid": ("appointments", lambda a: rows(a).update(amount_paid=F("amount_paid") + 1)),
    "canceled": ("appointments", lambda a: rows(a).update(canceled=not a.canceled)),
    "a minute": (
        "appointments",
        lambda a: rows(a).update(starts_at=a.starts_at + timedelta(minutes=1)),
    ),
    "a booking gone": ("appointments", lambda a: rows(a).update(removed_at=a.starts_at)),
    "a payment's amount": ("payments", lambda a: a.payments.update(amount=Decimal("0.01"))),
    "a payment's processor": ("payments", lambda a: a.payments.update(processor="other")),
    "a payment gone": ("payments", lambda a: a.payments.update(removed_at=a.starts_at)),
    "a payment lost": ("payments", lambda a: a.payments.all().delete()),
}


def rows(booking: Appointment) -> Any:
    return Appointment.objects.filter(pk=booking.pk)


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES)
def test_a_row_changed_by_hand_is_named_with_its_month(kept: Path, change: str) -> None:
    resource, alter = CHANGES[change]
    booking = Appointment.objects.filter(payments__amount__gt=1)[0]

    alter(booking)

    status, out, _ = command("--check", kept)
    assert status == 1
    month = f"{booking.service_date:%Y-%m}"
    assert f"{month} {resource}: " in out
    others = {line.split()[0] for line in out.splitlines()[1:]} - {month}
    assert not others


@pytest.mark.long
def test_a_client_changed_by_hand_is_noticed(kept: Path) -> None:
    Client.objects.filter(pk=Client.objects.all()[0].pk).update(phone="+12125550199")

    status, out, _ = command("--check", kept)

    assert status == 1 and "all clients: " in out and "as when proven, but changed" in out


@pytest.mark.long
def test_a_file_of_some_days_speaks_of_no_others(tmp_path: Path, box: Sandbox) -> None:
    import_all(box)
    low, high = date(2026, 3, 1), date(2026, 3, 31)
    path = tmp_path / "march.json"
    path.write_text(command(import_all(box, min_date=low, max_date=high).pk)[1])

    Appointment.objects.exclude(service_date__range=(low, high)).update(canceled=True)
    assert json.loads(path.read_text())["resources"]["appointments"].keys() == {"2026-03"}
    assert command("--check", path)[0] == 0
    Appointment.objects.filter(service_date__range=(low, high)).update(canceled=True)
    assert command("--check", path)[0] == 1


def test_what_changed_after_the_proof_is_not_in_the_file(tmp_path: Path, box: Sandbox) -> None:
    run = import_all(box)
    Appointment.objects.filter(pk=Appointment.objects.all()[9].pk).update(canceled=True)
    path = tmp_path / "late.json"

    path.write_text(command(run.pk)[1])

    assert command("--check", path)[0] == 1


@pytest.mark.long
def test_a_proof_begun_anew_leaves_the_last_file(box: Sandbox) -> None:
    run = import_all(box)
    before = written(run)
    Appointment.objects.all()[3].delete()

    control.verify(ImportRun.objects.get(pk=run.pk), send=False)

    assert written(run) == before


def test_a_run_without_a_proof_has_no_file(box: Sandbox) -> None:
    status, out, err = command(import_all(box, verify=False).pk)

    assert (status, out) == (2, "")
    assert "has no proof" in err and "acuity_verify" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no proof file"),
        (b"\xff\xfe{}", "no proof file"),
        (b"[1, 2]", "no proof file"),
        (b'{"format": "acuity-proof 1"}', "no proof file"),
        (b"[" * 100_000, "no proof file"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_proof_file_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "proof.json"
    if content is not None:
        path.write_bytes(content)

    status, out, err = command("--check", path)

    assert (status, out) == (2, "")
    assert words in err and err.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["statement", "verified", "resources", "scope", "note"])
def test_a_file_that_was_edited_is_refused(kept: Path, name: str) -> None:
    proof = json.loads(kept.read_text())
    proof[name] = {"resources": {}, "scope": {}, "verified": False}.get(name, "Everything.")
    kept.write_text(json.dumps(proof))

    status, _, err = command("--check", kept)

    assert status == 2 and "was changed after it was written" in err


@pytest.mark.long
def test_a_file_of_another_database_differs(kept: Path) -> None:
    # Rows that refer to others first.
    for resource in reversed(RESOURCES.values()):
        resource.model._default_manager.all().delete()

    status, out, _ = command("--check", kept)

    assert status == 1
    assert len(out.splitlines()) == 1 + sum(
        map(len, json.loads(kept.read_text())["resources"].values())
    )


# The page


def sign_in(*permissions: str) -> Browser:
    user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    for tenant in Tenant.objects.all():
        Membership.objects.create(user=user, tenant=tenant, role="viewer")
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.mark.long
@pytest.mark.parametrize(
    ("currency", "amount", "places"), [("KWD", "12.505", 3), ("JPY", "5000", 2)]
)
def test_money_is_counted_to_the_last_of_the_currencys_decimals(
    data: Account, currency: str, amount: str, places: int
) -> None:
    data.me |= {"currency": currency}
    paid = {"processor": "cash", "amount": amount, "transactionID": "", "created": ""}
    for booking in data.appointments:
        data.edit(booking["id"], price=amount, paid="yes", amountPaid=amount, payments=[paid])
    months = Counter(booking["datetime"][:7] for booking in data.appointments)
    right = {month: n * Decimal(amount) for month, n in months.items()}
    with source(data) as box:
        run = import_all(box)

    proof = written(run)

    told, kept = proof["scope"]["payments"], proof["resources"]["payments"]
    counted = {month: whole * 10**places for month, whole in right.items()}
    assert told["cents"] == counted and told.get("places", 2) == places
    assert {month: each["cents"] for month, each in kept.items()} == counted
    assert {month: each["parts"]["cash"] for month, each in kept.items()} == counted
    assert {each.get("places", 2) for each in kept.values()} == {places}
    html = command(run.pk, "--html")[1]
    assert all(f"{whole:,.{places}f}" in html for whole in [*right.values(), sum(right.values())])


@pytest.mark.long
def test_the_file_of_a_run_from_before_thousandths_is_still_held_against_the_database(
    tmp_path: Path, data: Account
) -> None:
    data.me |= {"currency": "KWD"}
    booking = data.appointments[0]["id"]
    paid = {"processor": "cash", "amount": "12.505", "transactionID": "", "created": ""}
    data.edit(booking, price="12.505", paid="yes", amountPaid="12.505", payments=[paid])
    with source(data) as box:
        run = import_all(box)
    # As it was written then: in hundredths, the thousandths rounded away.
    for months in run.digests.values():
        for month in months.values():
            del month["places"]
            month["cents"] = round(month["cents"] / 10)
            if "parts" in month:
                month["parts"] = {name: round(n / 10) for name, n in month["parts"].items()}
    run.save()
    path = tmp_path / "proof.json"
    path.write_text(command(run.pk)[1])

    assert command("--check", path)[0] == 0
    Payment.objects.filter(amount=Decimal("12.505")).update(amount=Decimal("13.505"))
    status, out, _ = command("--check", path)
    assert status == 1 and "KWD now" in out


@pytest.mark.long
def test_the_page_has_the_numbers_of_the_file_and_no_address(box: Sandbox) -> None:
    run = import_all(box)
    proof = written(run)
    browser = sign_in("view_importrun", "view_revenue")

    html = browser.get(reverse("admin:acuity_proof", args=[run.pk])).content.decode()

    assert not re.search(r"(src|href|action|url\(|@import)", html)
    assert "http" not in html
    assert html == command(run.pk, "--html")[1]
    text = re.sub(r"<[^>]+>", " ", html)
    for digest in [
        proof["sha256"],
        *(m["sha256"] for m in proof["resources"]["payments"].values()),
    ]:
        assert digest in text
    for month, (listed, stored) in run.coverage.items():
        cents = proof["resources"]["payments"].get(month, {}).get("cents", 0)
        line = re.search(rf"{month}(.*?){cents / 100:,.2f}", text)
        assert line and line[1].split()[:2] == [str(listed), str(stored)]


@pytest.mark.long
def test_the_page_of_an_unproven_account_says_so_first(box: Sandbox, data: Account) -> None:
    run = import_all(box)
    ImportRun.objects.filter(pk=run.pk).update(
        verified=False, gaps=[{"kind": "day", "day": "2026-03-01", "reason": "Cut <short>."}]
    )

    html = command(run.pk, "--html")[1]

    assert "<h1>Not proven: " in html and "2026-03-01: Cut &lt;short&gt;." in html


@pytest.mark.long
def test_the_run_page_leads_to_the_proof_and_the_file(box: Sandbox) -> None:
    run = import_all(box)
    browser = sign_in("view_importrun", "view_revenue")

    page = browser.get(reverse("admin:integrations_importrun_change", args=[run.pk]))
    answer = browser.get(reverse("admin:acuity_proof_file", args=[run.pk]))

    assert "Printable proof" in page.content.decode()
    assert "Proof file (JSON)" in page.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="proof-{run.pk}.json"'
    assert answer.content.decode() == command(run.pk)[1]


@pytest.mark.long
def test_who_may_not_see_revenue_sees_no_proof(box: Sandbox) -> None:
    run = import_all(box)
    browser = sign_in("view_importrun")

    page = browser.get(reverse("admin:integrations_importrun_change", args=[run.pk]))

    assert "Printable proof" not in page.content.decode()
    assert browser.get(reverse("admin:acuity_proof", args=[run.pk])).status_code == 403
    assert browser.get(reverse("admin:acuity_proof_file", args=[run.pk])).status_code == 403


def test_a_run_that_was_not_proven_leads_back_with_a_word(box: Sandbox) -> None:
    run = import_all(box, verify=False)
    browser = sign_in("view_importrun", "view_revenue")

    page = browser.get(reverse("admin:acuity_proof", args=[run.pk]), follow=True)

    assert "has no proof" in page.content.decode()
