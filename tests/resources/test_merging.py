"""Two clients who are one person: found, merged for good, and as before when they are separated."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser

from bookings.models import Appointment, Change, Client, Order, Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources.clients import merging
from integrations.acuity.resources.clients.namesakes import WHY, namesakes
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, AuditEntry
from integrations.privacy import forgetting
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]


def person(box: Sandbox, first: str, last: str, phone: str, email: str, bookings: int) -> Client:
    """Somebody whom the source lists, with the last of its bookings."""
    names = {"firstName": first, "lastName": last, "phone": phone, "email": email}
    box.account.clients.append({**box.account.clients[0], **names, "notes": ""})
    for number in sorted(box.account.bookings)[-bookings:]:
        moved = box.account.bookings[number].local
        box.account.add_appointment(moved.replace(hour=7, minute=number % 60), **names)
    import_all(box)
    return Client.objects.get(first_name=first, last_name=last, phone=phone)


def of(client: Client) -> set[str]:
    return set(client.appointments.values_list("external_id", flat=True))


def book(box: Sandbox, client: Client) -> str:
    """One more booking of this client, as the source has it."""
    names = {"firstName": client.first_name, "lastName": client.last_name}
    at = next(iter(box.account.bookings.values())).local.replace(hour=6)
    return str(box.account.add_appointment(at, **names, phone=client.phone, email=client.email))


@pytest.mark.long
def test_merged_people_stay_merged_and_are_as_before_when_separated(box: Sandbox) -> None:
    kept = person(box, "Ada", "Example", "+1 615 555 0101", "ada@example.com", 4)
    other = person(box, "Ada", "Sample", "+1 615 555 0102", "ada@example.com", 3)
    Order.objects.filter(pk=Order.objects.earliest("pk").pk).update(
        first_name="Ada", last_name="Sample", phone=other.phone, client=other
    )
    before = {client.pk: of(client) for client in (kept, other)}
    rows = set(Client.objects.values_list("external_id", "listed"))

    assert merging.merge(other, kept) == 3
    assert of(kept) == before[kept.pk] | before[other.pk]
    again = import_all(box)

    assert again.verified and again.steps.get(resource="appointments").unchanged == 47
    more = {book(box, other), book(box, kept)}
    assert import_all(box).verified
    assert of(kept) == before[kept.pk] | before[other.pk] | more and not of(other)
    assert set(Client.objects.values_list("external_id", "listed")) == rows
    assert kept.orders.count() == 1

    other.refresh_from_db()
    assert merging.separate(other) == 4
    for run in (None, import_all(box)):
        assert {key for key in of(other) if key not in more} == before[other.pk], run
        assert {key for key in of(kept) if key not in more} == before[kept.pk]
    assert len(of(other)) == 4 and kept.orders.count() == 0 and other.orders.count() == 1
    changes = Change.objects.filter(by="merge", resource="clients").order_by("pk")
    assert [change.changed["merged_into"] for change in changes] == [
        [None, kept.external_id],
        [kept.external_id, None],
    ]
    deeds = AuditEntry.objects.filter(deed__contains="two clients").values_list("deed", flat=True)
    assert sorted(deeds) == ["merged two clients", "separated two clients"]


def test_who_may_be_one_person_is_found_and_no_others(box: Sandbox) -> None:
    Client.objects.all().delete()
    tenant = Tenant.objects.create(name="Studio")

    def known(first: str, phone: str, email: str) -> int:
        key = f"{first}||{phone or email}"
        name = f"{first}|"
        words: dict[str, Any] = {"first_name": first, "phone": phone, "email": email}
        row = Client.objects.create(tenant=tenant, external_id=key, name_key=name, **words)
        return row.pk

    ada, bob = known("ada", "(615) 555-0101", "a@example.com"), known("bob", "+16155550101", "b@x")
    ann = known("ann", "6155550103", "A@example.com ")
    other_ada = known("ada", "6155550104", "")
    known("zoe", "", ""), known("yan", "6155550109", "y@example.com")

    found = {(group.why, *(c.pk for c in group.clients)) for group in merging.candidates(tenant)}

    assert found == {
        ("the same e-mail address", ada, ann),
        ("the same phone number", ada, bob),
        ("the same name", ada, other_ada),
    }


@pytest.mark.long
def test_one_name_with_two_numbers_and_addresses_in_turn_may_be_two_people(box: Sandbox) -> None:
    """In three months; the fourth column says how each booking was reached, by number and address."""
    Client.objects.all().delete()
    tenant = Tenant.objects.create(name="Studio")
    AcuityAccount.objects.create(tenant=tenant, user_id="1", clients_distinct_by_phone=False)
    ways = {
        "A": ("(615) 555-0101", "ada@example.com"),
        "a": ("6155550101", "ADA@example.com"),
        "B": ("6155550102", "other@example.com"),
        # A new number, and later a new address: both are of the same person.
        "N": ("6155550103", "ada@example.com"),
        "M": ("6155550103", "new@example.com"),
        "-": ("6155550109", ""),
    }
    table = {
        "in turn": ("ABA", True),
        "in turn, once each": ("BAAB", True),
        "the same, written otherwise": ("AaA", False),
        "one after the other": ("AABB", False),
        "moved": ("ANMN", False),
        "never two at once": ("A-A-A", False),
        "merged": ("ABA", False),
    }
    for name, (booked, _) in table.items():
        client = Client.objects.create(tenant=tenant, external_id=name, first_name=name)
        for n, way in enumerate(booked):
            phone, email = ways[way]
            at = datetime(2026, 1, 1 + n, 12, tzinfo=UTC)
            Appointment.objects.create(
                tenant=tenant,
                external_id=f"{name} {n}",
                client=client,
                starts_at=at,
                ends_at=at,
                service_date=at.date(),
                price=0,
                amount_paid=0,
                phone=phone,
                email=email,
            )
    into = Client.objects.get(external_id="merged")
    Client.objects.create(tenant=tenant, external_id="other", merged_into=into)

    found = {group.clients[0].external_id for group in namesakes(tenant)}

    assert found == {name for name, (_, two) in table.items() if two}
    out = StringIO()
    call_command("acuity_people", "--json", stdout=out)
    assert sum("may be two" in group["why"] for group in json.loads(out.getvalue())) == 2
    browser = Browser()
    browser.force_login(User.objects.create_superuser("boss"))
    assert browser.get("/admin/bookings/client/same/").content.decode().count(WHY) == 2
    # By the other rule, each number is a client of its own.
    tenant.acuity_accounts.update(clients_distinct_by_phone=True)
    assert namesakes(tenant) == []


@pytest.mark.long
def test_what_cannot_be_merged_gets_a_sentence_and_the_forgotten_take_all(box: Sandbox) -> None:
    import_all(box)
    a, b, c = Client.objects.exclude(appointments=None).order_by("pk")[:3]
    merging.merge(a, b)
    for one, other, word in ((b, b, "itself"), (a, c, "merged already"), (b, c, "Others are")):
        with pytest.raises(ConfigurationError, match=word):
            merging.merge(one, other)
    with pytest.raises(ConfigurationError, match="not merged"):
        merging.separate(c)
    owned = Appointment.objects.filter(client=b).count()

    forgetting.forget(Client.objects.get(pk=a.pk))
    import_all(box)

    assert set(Client.objects.filter(pk__in=[a.pk, b.pk]).values_list("first_name", "email")) == {
        ("", "")
    }
    assert Appointment.objects.filter(client__in=[a, b], first_name="").count() == owned
    assert not Change.objects.filter(external_id__in=[a.external_id, b.external_id]).exists()
    assert a.external_id not in str(list(Change.objects.values_list("changed", flat=True)))


@pytest.mark.long
def test_the_admin_lists_merges_and_separates(box: Sandbox) -> None:
    import_all(box)
    a, b = Client.objects.exclude(appointments=None).order_by("pk")[:2]
    Client.objects.filter(pk__in=[a.pk, b.pk]).update(email="same@example.com")
    browser = Browser()
    browser.force_login(User.objects.create_superuser("boss"))

    listed = browser.get("/admin/bookings/client/same/").content.decode()
    assert "the same e-mail address" in listed
    url = f"/admin/bookings/client/{a.pk}/merge/?into={b.pk}"
    assert url.replace("&", "&amp;") in listed
    asked = browser.get(url).content.decode()
    assert str(a) in asked and str(b) in asked
    assert not Client.objects.exclude(merged_into=None).exists()
    browser.post(url)
    a.refresh_from_db()
    assert a.merged_into == b
    page = browser.get(f"/admin/bookings/client/{b.pk}/change/").content.decode()
    assert f"/admin/bookings/client/{a.pk}/separate/" in page
    browser.post(f"/admin/bookings/client/{a.pk}/separate/")
    a.refresh_from_db()
    assert a.merged_into is None
    assert AuditEntry.objects.filter(actor="person", name="boss").count() == 2


def test_the_command_lists_merges_and_separates(box: Sandbox) -> None:
    import_all(box, only=("clients",))
    a, b = Client.objects.order_by("pk")[:2]
    Client.objects.filter(pk__in=[a.pk, b.pk]).update(email="same@example.com")
    out = StringIO()

    call_command("acuity_people", stdout=out)
    call_command("acuity_people", "--merge", str(a.pk), str(b.pk), stdout=out)
    call_command("acuity_people", "--separate", str(a.pk), stdout=out)

    said = out.getvalue()
    assert f"the same e-mail address: client {a.pk}, client {b.pk}" in said
    assert f"Client {a.pk} is merged into client {b.pk}" in said
    assert f"Client {a.pk} stands by itself again" in said
    with pytest.raises(ConfigurationError, match="no client"):
        call_command("acuity_people", "--separate", "0")
