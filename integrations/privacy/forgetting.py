"""How is a person forgotten? Every trace goes; the bookings and their money stay, without a name.

A tombstone, the digest of what the source calls them, keeps the next import from bringing them back.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Model, Q, QuerySet

from bookings import history, phones
from bookings.models import Answer, Appointment, Change, Client, Order, Payment, Tombstone
from integrations import audit
from integrations.acuity.reading.identity import NAMES, Identity, fold, phone_key
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Scope
from integrations.acuity.resources.whole import Whole
from integrations.acuity.runs import control
from integrations.acuity.store.forgotten import (
    EMAIL,
    REJECT,
    ROW,
    emails,
    mark,
    rest,
    rest_of_payments,
)
from integrations.models import (
    DryRun,
    ExportFile,
    ImportRun,
    ImportStep,
    RejectedRecord,
    StagedPage,
)

# So many bookings are emptied at a time.
AT_ONCE = 500


@dataclass
class Gone:
    """How many rows of each kind had something of the person."""

    clients: int = 0
    bookings: int = 0
    listed: int = 0
    rejected: int = 0
    staged: int = 0

    def __str__(self) -> str:
        return (
            f"{self.clients} client, {self.bookings} bookings that stay without a name,"
            f" {self.listed} rows of other lists, {self.rejected} rejected records, {self.staged} kept pages of client lists"
        )


# What a booking keeps of who booked, as text; and the columns of a change that say it.
AS_BOOKED = ("notes", "location", "first_name", "last_name", "email", "phone", "scheduled_by")
LINKS = {"client", "merged_into"}
OF_PERSON = {*AS_BOOKED, *LINKS, "forms"}
# Fewer digits than these say nobody's number.
PHONE_DIGITS = 7


def with_email(email: str) -> QuerySet[Client]:
    """Clients with this address, alone or beside others."""
    wanted = email.strip().casefold()
    rows = Client.objects.filter(email__icontains=wanted).exclude(email="")
    had = rows.values_list("pk", "email")
    return Client.objects.filter(pk__in=[pk for pk, said in had if wanted in emails(said)])


@transaction.atomic
def forget(client: Client) -> Gone:
    """Take everything of the person out of the database, and keep it out.

    Whoever was merged with them is the same person.
    """
    client = client.merged_into or client
    others = list(client.merged.values_list("pk", flat=True))
    client.merged.update(merged_into=None)
    for other in Client.objects.select_related("tenant").filter(pk__in=others):
        forget(other)
    # First, so that no page that was read before can be stored after this.
    gone = Gone(clients=1, staged=_read_anew(client))
    person = Person(client)
    gone.rejected = _rejects(person)
    gone.bookings = _bookings(client)
    gone.listed = _listed(person)
    # What a dry run named is soon found out again.
    DryRun.objects.filter(account__tenant=client.tenant_id).delete()
    ExportFile.objects.filter(account__tenant=client.tenant_id).delete()
    # Whatever else keeps a client's data, the history of changes say, is emptied here.
    _client(client)
    _named_elsewhere(person)
    Tombstone.objects.bulk_create(
        [Tombstone(tenant=client.tenant, client=client, digest=one) for one in person.marks()],
        ignore_conflicts=True,
    )
    audit.write("forgot a client", tenant=client.tenant_id, note=f"Client {client.pk}")
    return gone


class Person:
    """By what a client's records are recognised."""

    def __init__(self, client: Client) -> None:
        self.tenant, self.client = client.tenant, client
        accounts = client.tenant.acuity_accounts.all()
        self._rules = [Scope(account).identity for account in accounts] or [Identity()]
        self.keys = {client.external_id}
        self.emails: set[tuple[str, str]] = set()
        self.phones: set[str] = set()
        self.bookings = set(client.appointments.values_list("external_id", flat=True))
        self.rejected: set[str] = set()
        # Of lists that come whole: account at the source, resource, ID.
        self.rows: set[tuple[str, str, str]] = set()
        for payload in self._payloads():
            self._learn(payload)
        self._learn(
            {
                "firstName": client.first_name,
                "lastName": client.last_name,
                "email": client.email,
                "phone": client.phone,
            }
        )
        self._words = _words(client, {email for _, email in self.emails}, self.phones)

    def _payloads(self) -> Iterator[Any]:
        yield from self.client.raw.get("entries", ())
        yield from self.client.appointments.values_list("raw", flat=True).iterator()

    def _named(self, payload: Any) -> Iterator[tuple[str, set[tuple[str, str]]]]:
        """By each account's rule, the record's key, and its name with each of its addresses."""
        for rule in self._rules if isinstance(payload, dict) else ():
            try:
                key, name = rule.keys(payload)
            except Reject:
                continue
            yield key, {(name, email) for email in emails(str(payload.get("email") or ""))}

    def _learn(self, payload: Any) -> None:
        phone = payload.get("phone") if isinstance(payload, dict) else ""
        # Without the country, which not everybody writes.
        found = (phones.digits(phone_key(str(phone or ""), rule.region)) for rule in self._rules)
        self.phones |= {digits for digits in found if len(digits) >= PHONE_DIGITS}
        for key, pairs in self._named(payload):
            self.keys.add(key)
            self.emails |= pairs

    def owns(self, payload: Any) -> bool:
        """Whether the record is this person's, also where it cannot be read in full."""
        if isinstance(payload, list):
            return any(map(self.owns, payload))
        if self.named_in(payload):
            return True
        if not isinstance(payload, dict):
            return False
        name = [fold(str(payload.get(part) or "")) for part in ("firstName", "lastName")]
        own = [fold(self.client.first_name), fold(self.client.last_name)]
        theirs = any(own) and name in (own, own[::-1])
        return theirs or self.mentioned(*map(str, payload.values()))

    def named_in(self, payload: Any) -> bool:
        """Whether the record's key, or its e-mail, is theirs."""
        if any(key in self.keys or pairs & self.emails for key, pairs in self._named(payload)):
            return True
        email = payload.get("email") if isinstance(payload, dict) else ""
        return not {known for _, known in self.emails}.isdisjoint(emails(str(email or "")))

    def mentioned(self, *texts: str) -> bool:
        """Whether free text has their whole name, their e-mail or their phone number."""
        return any(word in read(text) for text in texts if text for read, word in self._words)

    def marks(self) -> Iterable[str]:
        """The digests by which the next import knows whom not to bring back."""
        words: list[tuple[str, ...]] = [(key,) for key in self.keys]
        words += self.emails
        words += [(EMAIL, email) for _, email in self.emails]
        words += [(REJECT, digest) for digest in self.rejected]
        words += [(ROW, *row) for row in self.rows]
        return dict.fromkeys(mark(self.tenant, *one) for one in words)


def _words(
    client: Client, emails: set[str], numbers: set[str]
) -> list[tuple[Callable[[str], str], str]]:
    """How to read free text, and what it must not hold then."""
    found: list[tuple[Callable[[str], str], str]] = [(str.casefold, email) for email in emails]
    found += [(_digits, number) for number in numbers]
    if client.first_name and client.last_name:
        first, last = fold(client.first_name), fold(client.last_name)
        found += [
            (fold, name) for name in (f"{first} {last}", f"{last} {first}", f"{last}, {first}")
        ]
    return found


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())


def _read_anew(client: Client) -> int:
    """Pages under way are stored no more; client lists that were kept for later are read again."""
    steps = ImportStep.objects.filter(run__account__tenant=client.tenant_id).exclude(status="done")
    steps.update(version=F("version") + 1)
    kept = StagedPage.objects.filter(step__run__account__tenant=client.tenant_id)
    fresh: dict[str, Any] = dict.fromkeys(control.PASS, 0) | {"cursor": {}, "total": None}
    steps.filter(pk__in=kept.values("step")).update(**fresh)
    count = kept.delete()[0]
    working = ImportRun.objects.filter(
        account__tenant=client.tenant_id, status__in=ImportRun.WORKING
    )
    for run in working:
        control.enqueue(run)
    return count


def _rejects(person: Person) -> int:
    rows = RejectedRecord.objects.filter(account__tenant=person.tenant)
    count = 0
    for row in rows.iterator():
        if row.external_id in person.bookings or person.owns(row.payload):
            person.rejected.add(row.digest)
            RejectedRecord.objects.filter(pk=row.pk).update(payload=rest(row.payload))
            count += 1
    return count


def _bookings(client: Client) -> int:
    """Their digests stay: by them the next import sees that nothing has changed."""
    count = 0
    keys = list(client.appointments.values_list("pk", flat=True))
    for at in range(0, len(keys), AT_ONCE):
        rows = list(Appointment.objects.filter(pk__in=keys[at : at + AT_ONCE]))
        for row in rows:
            row.raw, row.forms = rest(row.raw), []
            for name in AS_BOOKED:
                setattr(row, name, "")
        count += Appointment.objects.bulk_update(rows, ["raw", "forms", *AS_BOOKED])
        Answer.objects.filter(appointment__in=rows).delete()
        paid = list(Payment.objects.filter(appointment__in=rows))
        for payment in paid:
            payment.raw = (rest_of_payments([payment.raw]) or [{}])[0] or {}
        Payment.objects.bulk_update(paid, ["raw"], AT_ONCE)
    _history(client, Client, [client.pk], OF_PERSON)
    _history(client, Appointment, keys, OF_PERSON)
    return count


def _listed(person: Person) -> int:
    """Of the lists that come whole, each row that names them loses what may say who they are."""
    count = 0
    for resource in RESOURCES.values():
        if isinstance(resource, Whole) and resource.personal:
            rows = resource.model._default_manager.filter(tenant=person.tenant)
            found = [row for row in rows.iterator() if _is_theirs(person, resource, row)]
            for row in found:
                person.rows.add((row.source_account, resource.name, row.external_id))
                row.raw = {k: v for k, v in row.raw.items() if k in resource.impersonal}
                for name in resource.personal:
                    setattr(row, name, "")
            names = ["raw", *resource.personal]
            count += resource.model._default_manager.bulk_update(found, names, AT_ONCE)
            pks, columns = [row.pk for row in found], {*resource.personal, "client"}
            _history(person.client, resource.model, pks, columns)
            if resource.model is Order:
                Order.objects.filter(pk__in=pks, client=None).update(client=person.client)
    return count


def _is_theirs(person: Person, resource: Whole, row: Any) -> bool:
    """Whom an order belongs to is known; else by what it says; where it names nobody, by its words."""
    if (owner := getattr(row, "client_id", None)) is not None:
        return bool(owner == person.client.pk)
    if any(map(row.raw.get, NAMES)):
        return person.named_in(row.raw)
    return person.mentioned(*(getattr(row, name) for name in resource.personal))


def _history(client: Client, model: type[Model], rows: list[int], columns: Collection[str]) -> None:
    """When something changed stays; what of the person it was does not."""
    name = history.NAMES[model]
    renamed = {"external_id": _nobody(client)} if model is Client else {}
    for at in range(0, len(rows), AT_ONCE):
        changes = Change.objects.filter(resource=name, row__in=rows[at : at + AT_ONCE])
        for change in changes.filter(tenant=client.tenant).iterator():
            kept = {k: v for k, v in change.changed.items() if k not in columns}
            Change.objects.filter(pk=change.pk).update(changed=kept, **renamed)


def _named_elsewhere(person: Person) -> None:
    """What other rows say of whom they once belonged to, or might be: their key has a name in it."""
    links = Q(changed__has_key="client") | Q(changed__has_key="merged_into")
    for change in Change.objects.filter(links, tenant=person.tenant).iterator():
        kept = {
            name: pair
            for name, pair in change.changed.items()
            if name not in LINKS or not person.keys & {*pair}
        }
        if kept != change.changed:
            Change.objects.filter(pk=change.pk).update(changed=kept)
    doubtful = Client.objects.filter(tenant=person.tenant).exclude(review="")
    for pk, review in doubtful.values_list("pk", "review"):
        if person.mentioned(review):
            Client.objects.filter(pk=pk).update(review="")


def _nobody(client: Client) -> str:
    """The ID that is left: the one before was made of name and number."""
    return f"{Client.FORGOTTEN}{client.pk}"


def _client(client: Client) -> None:
    client.external_id = _nobody(client)
    client.first_name = client.last_name = client.email = client.phone = client.notes = ""
    client.review = ""
    client.name_key, client.content_hash, client.listed, client.raw = "", "", False, {}
    client.save()
