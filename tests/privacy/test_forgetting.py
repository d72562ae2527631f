"""A person is forgotten: no table has them, the money stays, and no import brings them back."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Appointment, Client, Payment, Tenant
from bookings.reports import revenue
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.models import (
    AcuityAccount,
    AuditEntry,
    ImportRun,
    Membership,
    RejectedRecord,
    StagedPage,
)
from tests.conftest import import_all, prove_again

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
NAME, LAST, MAIL, PHONE = "Quirina", "Testperson-Zwölf", "quirina@example.com", "6155550147"
NOTE = "Prefers the blue room"
SECRETS = (NAME, LAST, "Testperson-Zw", MAIL, PHONE, "555-0147", NOTE)


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
    assert first.verified and all(word in everything() for word in (NAME, MAIL, NOTE))
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
    run = import_all(box)

    assert run.verified
    assert Appointment.objects.get(external_id=str(row["id"])).canceled
    assert [word for word in SECRETS if word in everything()] == []


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


def test_a_cancelled_run_keeps_no_client_list(box: Sandbox) -> None:
    import_all(box)
    run = control.start(AcuityAccount.objects.get(), send=False)
    step = control.current_step(run.pk)
    assert step is not None
    StagedPage.objects.create(step=step, offset=0, records="[[]]")

    control.cancel(run)

    assert not StagedPage.objects.exists()


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
