"""A person is forgotten: no table has them, the money stays, and no import brings them back."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import (
    Appointment,
    Block,
    Certificate,
    Client,
    Order,
    Payment,
    Tenant,
    Tombstone,
)
from bookings.reports import revenue
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reading.identity import Identity
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.clients import merging
from integrations.acuity.resources.whole import Whole
from integrations.acuity.runs import control, preview, window
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Account, Sandbox, SandboxOptions, make_account
from integrations.acuity.store.forgotten import Forgotten, mark
from integrations.models import (
    AcuityAccount,
    AuditEntry,
    ImportRun,
    Membership,
    RejectedRecord,
    StagedPage,
)
from integrations.privacy import forgetting
from integrations.privacy.forgetting import Person
from tests.conftest import import_all, prove_again

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
NAME, LAST, MAIL, PHONE = "Quirina", "Testperson-Zwölf", "quirina@example.com", "6155550147"
NOTE = "Prefers the blue room"
SECRETS = (NAME, LAST, "Testperson-Zw", MAIL, PHONE, "555-0147", NOTE)
TABLES = {"orders": Order, "certificates": Certificate, "blocks": Block}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    data = make_account(clients=30, appointments=120, months=4)
    entry = {
        "firstName": NAME,
        "lastName": LAST,
        "email": MAIL,
        "phone": "(615) 555-0147",
        "notes": NOTE,
    }
    data.clients.append(entry)
    rows = [row for row in data.appointments if not row["canceled"]][:6]
    for row in rows:
        data.edit(row["id"], firstName=NAME, lastName=LAST, email=MAIL, phone=PHONE, notes=NOTE)
        data.edit(row["id"], location=f"12 {LAST} Lane")
        for paid in data.payments.get(row["id"], []):
            paid["notes"] = f"from {NAME} {LAST}"
    with Sandbox(data, SandboxOptions()) as box:
        yield box


def everything() -> str:
    """Every value of every table, as the database has it."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            found += [str(row) for row in cursor.fetchall()]
    # As JSON columns may write them.
    return "\n".join(found) + "\n".join(found).encode().decode("unicode_escape", "replace")


def person() -> Client:
    return Client.objects.select_related("tenant").get(email=MAIL)


@pytest.mark.long
def test_a_forgotten_person_is_in_no_table_and_does_not_come_back(box: Sandbox) -> None:
    first = import_all(box)
    assert first.verified and all(word in everything() for word in (NAME, MAIL, NOTE, "Lane"))
    assert any(payment.raw.get("notes") for payment in Payment.objects.all())
    tenant = first.account.tenant
    money = revenue(tenant)
    theirs = person().appointments.count()
    before = Appointment.objects.count()

    call_command("acuity_forget", email=MAIL.upper())

    assert [word for word in SECRETS if word in everything()] == []
    for again in (import_all(box), prove_again(first)):
        assert [word for word in SECRETS if word in everything()] == []
        assert (again.status, again.verified, again.gaps) == ("completed", True, [])
        assert again.scope["clients"]["forgotten"] == 1
    assert theirs == 6 == Appointment.objects.filter(client__external_id__startswith="forg").count()
    assert Appointment.objects.count() == before
    assert revenue(tenant) == money
    assert sum(a for a, _ in first.coverage.values()) == sum(b for _, b in first.coverage.values())


@pytest.mark.long
def test_a_booking_of_a_forgotten_person_still_follows_the_source(box: Sandbox) -> None:
    import_all(box)
    row = next(row for row in box.account.appointments if row["email"] == MAIL)
    call_command("acuity_forget", client=person().pk)

    box.account.cancel(row["id"])
    paid = {"transactionID": "", "processor": "cash", "created": "2026-05-01T12:00:00-0500"}
    twice = [paid | {"amount": "7.00", "notes": f"from {NAME}"}, {"notes": f"{NAME}, no amount"}]
    box.account.edit(row["id"], payments=twice, amountPaid="7.00", location=f"{LAST} Lane")
    run = import_all(box)

    assert Payment.objects.get(processor="cash", amount=7).raw == paid | {"amount": "7.00"}
    assert RejectedRecord.objects.get(resource="payments").external_id == str(row["id"])
    assert run.status == "completed_with_gaps"
    assert Appointment.objects.get(external_id=str(row["id"])).canceled
    assert [word for word in SECRETS if word in everything()] == []


def _in_every_list(data: Account) -> dict[str, list[dict[str, Any]]]:
    """Let the lists that come whole name the person, each in a way of its own. Rows by list."""
    whole = f"{NAME} {LAST}"
    buyer = {"firstName": NAME, "lastName": LAST, "email": MAIL, "notes": NOTE}
    orders, certificates, blocks = (
        data.lists[name][:3] for name in ("orders", "certificates", "blocks")
    )
    for phone, row in zip((PHONE, "call me", "0049 30 901820"), orders, strict=True):
        row |= buyer | {"phone": phone}
    for row, says in zip(
        certificates, ({"email": MAIL}, {"email": MAIL.upper()}, {"email": ""}), strict=True
    ):
        row |= {"name": f"For {whole}", **says}
    for row, note in zip(
        blocks, (f"{whole} moves in", f"ask {MAIL}", "(615) 555-0147"), strict=True
    ):
        row["notes"] = note
    return {"orders": orders, "certificates": certificates, "blocks": blocks}


@pytest.mark.slow
@pytest.mark.money(False)
def test_what_changes_in_a_list_that_named_the_person_brings_nothing_back(box: Sandbox) -> None:
    data = box.account
    data.me["clientsDistinctByPhone"] = True
    rows = _in_every_list(data)
    first = import_all(box)
    assert first.verified and all(word in everything() for word in (NAME, MAIL, NOTE))
    for row in rows["blocks"]:
        row["notes"] += " again"
    rows["orders"][0]["status"], rows["certificates"][0]["name"] = "pending", f"To {NAME} {LAST}"
    # So that history has them, too; and what others' rows say of them.
    import_all(box)
    other = Client.objects.exclude(email=MAIL).latest("pk")
    merging.merge(other, person())
    merging.separate(Client.objects.get(pk=other.pk))
    Client.objects.filter(pk=other.pk).update(review=f"Its bookings now name: {NAME} {LAST}.")
    counted = {name: table.objects.count() for name, table in TABLES.items()}
    others = Order.objects.exclude(email=MAIL).exclude(email="").count()

    call_command("acuity_forget", email=MAIL)

    assert [word for word in SECRETS if word in everything()] == []
    # An emptied row is still known by its ID: it isn't asked for as one that the list lacks.
    said = import_all(box).scope["orders"]["evidence"]
    assert "asked for 4 of 5" in said and "by their ID" not in str(said)
    # As releases before this one left an order, which knew it by its client alone.
    old = Order.objects.get(external_id=str(rows["orders"][2]["id"]))
    Order.objects.filter(pk=old.pk).update(raw={})
    sign = mark(old.tenant, "row", old.source_account, "orders", old.external_id)
    assert Tombstone.objects.filter(digest=sign).delete()[0] == 1
    rows["orders"][2] |= {"email": "q@example.com", "lastName": "Other"}
    for row in rows["orders"]:
        row |= {"status": "refunded", "total": 77, "notes": f"{NOTE}, {MAIL}"}
    for row in rows["certificates"]:
        row |= {"remainingValue": 3, "name": f"{NAME} {LAST}"}
    for row in rows["blocks"]:
        row |= {"notes": f"{NAME} {LAST} moved", "description": LAST}
    data.lists["orders"].append(rows["orders"][0] | {"id": 162999999})
    data.lists["certificates"].append(rows["certificates"][0] | {"id": 81999999})
    for again in (import_all(box), prove_again(first), import_all(box)):
        assert [word for word in SECRETS if word in everything()] == []
        assert (again.status, again.verified, again.gaps) == ("completed", True, [])
    # Nothing is written a second time, and what is no person's is as the source has it now.
    assert sum(step.updated + step.restated for step in again.steps.all()) == 0
    theirs = Order.objects.filter(client__external_id__startswith=Client.FORGOTTEN)
    assert [*theirs.values_list("total", "status").distinct()] == [(Decimal(77), "refunded")]
    assert theirs.count() == 4
    assert Certificate.objects.filter(name="", remaining_value=3).count() == 4
    assert Order.objects.exclude(email="").count() == others
    counted = {name: count + (name != "blocks") for name, count in counted.items()}
    assert counted == {name: table.objects.count() for name, table in TABLES.items()}
    assert preview.dry_run(first.account, Options(), None).resources["orders"].updated == 0


@pytest.mark.slow
@pytest.mark.money(False)
def test_what_cannot_be_read_of_the_person_is_kept_without_them(box: Sandbox) -> None:
    rows = _in_every_list(box.account)
    import_all(box)
    booking = next(row for row in box.account.appointments if row["email"] == MAIL)
    call_command("acuity_forget", email=MAIL)

    rows["orders"][0]["time"] = rows["orders"][1]["total"] = "none"
    rows["certificates"][0]["expiration"] = rows["certificates"][2]["expiration"] = "some day"
    rows["blocks"][0]["end"] = "some day"
    data = box.account
    data.edit(booking["id"], price="no price")
    data.clients.append({"firstName": NAME, "lastName": LAST, "email": MAIL, "phone": {}})
    import_all(box)

    assert [word for word in SECRETS if word in everything()] == []
    assert RejectedRecord.objects.filter(resolved_at=None).count() == 7


def test_each_list_that_has_a_person_says_which_columns_do() -> None:
    """A calendar's address is the business's own: a client has none there."""
    said = {"first_name", "last_name", "email", "phone", "notes"}
    lists = [one for one in RESOURCES.values() if isinstance(one, Whole)]

    assert {one.name for one in lists if said & {*one.columns} - {*one.personal}} == {"calendars"}


def test_a_person_is_known_however_text_writes_name_and_number() -> None:
    tenant = Tenant.objects.create(name="Example Studio")
    names = {"first_name": NAME, "last_name": LAST, "phone": "+1 615 555 0147"}
    several = f"{MAIL}, q.home@example.com"
    client = Client.objects.create(tenant=tenant, external_id="x", email=several, **names)
    person = Person(client)

    for text in (
        f"{LAST}, {NAME} moves in",
        f"{LAST.upper()} {NAME}",
        "call (615) 555-0147",
        "615.555.0147",
        "0016155550147",
        MAIL.title(),
        "write to q.home@example.com",
    ):
        assert person.mentioned(text), text
        assert person.owns([{"id": 1, "payments": [{"notes": text}]}]), text
    for text in (NAME, LAST, "615 555 0148", f"{NAME} Other"):
        assert not person.mentioned(text), text
    assert person.owns({"firstName": LAST, "lastName": NAME.upper()})
    for email in (MAIL, "Q.Home@example.com", several):
        assert person.named_in({"email": email})
        assert [*forgetting.with_email(email.upper())] == [client]
    assert not forgetting.with_email("home@example.com").exists()

    call_command("acuity_forget", email=MAIL)
    gone, identity = Forgotten(tenant), Identity()
    for email in (MAIL, "q.home@example.com", f"new@example.com; {MAIL}"):
        for name in ({"firstName": NAME, "lastName": LAST}, {}):
            assert gone.named(identity, {"email": email, **name}) == client.pk, (email, name)
    assert gone.named(identity, {"email": "home@example.com"}) is None


@pytest.mark.long
def test_staged_lists_and_rejected_records_lose_the_person_too(box: Sandbox) -> None:
    import_all(box)
    broken = next(row for row in box.account.appointments if row["email"] == MAIL)
    account = AcuityAccount.objects.get()
    run = control.start(account, send=False)
    while (step := control.current_step(run.pk)) and not StagedPage.objects.exists():
        window.WINDOW_SECONDS, kept = -1.0, window.WINDOW_SECONDS
        window.run_window(str(run.pk), step.resource, step.version)
        window.WINDOW_SECONDS = kept
    RejectedRecord.objects.create(
        account=account,
        run=run,
        resource="appointments",
        digest="d",
        external_id=str(broken["id"]),
        payload={"id": broken["id"], "firstName": NAME, "email": MAIL, "price": "no price"},
        reason="price is not an amount like 45.00",
    )
    assert MAIL in everything()

    call_command("acuity_forget", client=person().pk)

    assert [word for word in SECRETS if word in everything()] == []
    while step := control.current_step(run.pk):
        window.run_window(str(run.pk), step.resource, step.version)
    assert [word for word in SECRETS if word in everything()] == []


@pytest.mark.long
def test_a_cancelled_run_keeps_no_client_list(box: Sandbox) -> None:
    import_all(box)
    run = control.start(AcuityAccount.objects.get(), send=False)
    step = control.current_step(run.pk)
    assert step is not None
    StagedPage.objects.create(step=step, offset=0, records="[[]]")

    control.cancel(run)

    assert not StagedPage.objects.exists()


@pytest.mark.long
def test_rejects_keep_no_link_that_manages_a_booking(box: Sandbox) -> None:
    box.account.edit(box.account.appointments[0]["id"], price="no price")

    import_all(box)

    assert "confirmationPage" not in str(RejectedRecord.objects.get().payload)


def sign_in(tenant: Tenant, role: str) -> Browser:
    user = User.objects.create_user(role, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="bookings"))
    Membership.objects.create(user=user, tenant=tenant, role=role)
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.mark.long
def test_the_button_forgets_and_only_an_owner_has_it(box: Sandbox) -> None:
    import_all(box)
    client = person()
    url = reverse("admin:bookings_client_forget", args=[client.pk])
    shown = reverse("admin:bookings_client_change", args=[client.pk])
    owner, operator = sign_in(client.tenant, "owner"), sign_in(client.tenant, "operator")

    assert operator.post(url).status_code == 403
    assert "Forget this" not in operator.get(shown).content.decode()
    assert "Forget this" in owner.get(shown).content.decode()
    assert "6 bookings" in owner.get(url).content.decode()
    assert owner.post(url).status_code == 302

    assert not Client.objects.filter(email=MAIL).exists()
    entry = AuditEntry.objects.get(deed="forgot a client")
    assert (entry.actor, entry.name) == ("person", "owner")


@pytest.mark.long
def test_a_tenant_is_counted_and_deleted_with_all_that_is_its_own(
    box: Sandbox, admin_client: Browser
) -> None:
    run = import_all(box)
    other = Tenant.objects.create(name="Other Studio")
    kept = AcuityAccount.objects.create(tenant=other, user_id="2", api_key="k")
    tenant = run.account.tenant
    url = reverse("admin:bookings_tenant_delete", args=[tenant.pk])
    call_command("acuity_forget", client=person().pk)

    page = admin_client.get(url).content.decode()
    assert "120 appointments" in page and "1 import runs" in page
    assert admin_client.post(url, {"post": "yes"}).status_code == 302

    assert [*Tenant.objects.all()] == [other] and [*AcuityAccount.objects.all()] == [kept]
    assert not any(m.objects.exists() for m in (Client, Appointment, Payment, ImportRun))
    assert AuditEntry.objects.filter(deed="deleted tenant", name="admin").exists()


@pytest.mark.long
def test_an_account_goes_without_the_bookings_and_not_while_it_is_imported(
    box: Sandbox, admin_client: Browser
) -> None:
    run = import_all(box)
    money = Payment.objects.aggregate(sum=Sum("amount"))["sum"]
    url = reverse("admin:integrations_acuityaccount_delete", args=[run.account_id])
    active = control.start(run.account, send=False)

    assert "cancel it first" in admin_client.get(url).content.decode()
    control.cancel(active)
    assert admin_client.post(url, {"post": "yes"}).status_code == 302

    assert not ImportRun.objects.exists() and not AcuityAccount.objects.exists()
    assert Appointment.objects.count() == 120
    assert Payment.objects.aggregate(sum=Sum("amount"))["sum"] == money > Decimal(0)


def test_who_is_not_there_is_said_in_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"^There is no such client, .*already\.$"):
        call_command("acuity_forget", email="nobody@example.com")
