"""What would an import do? Reads the account, compares it with the database, and writes nothing."""

from dataclasses import asdict
from datetime import date
from typing import Any

from django.conf import settings

from bookings.models import Appointment, Client
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.records import parse_client
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources import appointments, clients
from integrations.acuity.resources.base import Context
from integrations.acuity.source.client import AcuityClient
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.upsert import Counts, compare
from integrations.models import AcuityAccount, ImportRun, ImportStep


def look(client: AcuityClient) -> dict[str, Any]:
    """`{"account", "timezone", "client_entries", "clients", "first", "last"}`, by four requests.

    Raises an `AcuityError`.
    """
    me, entries = client.get("/me"), client.get("/clients")
    bounds = [
        client.get("/appointments", showall="true", direction=way, max=1, minDate="1900-01-01")
        for way in ("ASC", "DESC")
    ]
    if not isinstance(me, dict) or not isinstance(entries, list):
        raise BadAnswer("/me or /clients has another shape")
    first, last = (rows[0].starts if rows else None for rows in bounds)
    identity = Identity(by_phone=me.get("clientsDistinctByPhone") is not False)
    return {
        "account": me.get("name"),
        "timezone": me.get("timezone"),
        "client_entries": len(entries),
        "clients": len(clients.grouped(entries, identity)),
        "first": first,
        "last": last,
    }


def rehearse(account: AcuityAccount, **options: Any) -> dict[str, Any]:
    """A whole import without the writing: what it would create, update, leave and reject.

    Payments are not asked for, one request each; how many would be is in `payments.requests`.
    Raises an `AcuityError`.
    """
    only = options.pop("only")
    limit = options.pop("page_limit") or settings.ACUITY_PAGE_LIMIT
    run = ImportRun(account=account, page_limit=limit, **options)
    source = Fetcher(account_client(account), lambda: None)
    context = Context(run, ImportStep(run=run), source)
    try:
        me = source.get("/me")
        account.timezone = str(me.get("timezone") or "")
        account.clients_distinct_by_phone = me.get("clientsDistinctByPhone") is not False
        # What the account step would have stored.
        context.calendars = {str(c["id"]): str(c["timezone"]) for c in source.get("/calendars")}
        kinds = source.get("/appointment-types", includeDeleted="true")
        context.types = [str(kind["id"]) for kind in kinds]
        answer: dict[str, Any] = {"dry_run": True, "account": me.get("name")}
        if "clients" in only:
            answer["clients"] = _clients(context)
        if "appointments" in only:
            answer["appointments"], asked = _appointments(context)
            if "payments" in only:
                answer["payments"] = {"requests": asked}
        return answer | {"requests": source.client.tally.requests}
    except (TypeError, KeyError, AttributeError):
        raise BadAnswer("/me, /calendars or /appointment-types has another shape") from None
    finally:
        source.close()


def _clients(context: Context) -> dict[str, int]:
    entries, rejected = clients.list_clients(context), 0
    records = {}
    for group in clients.grouped(entries, context.identity):
        try:
            record = parse_client(clients.opened(group), context.identity)
        except Reject:
            rejected += len(group)
            continue
        records[record.key] = record.content_hash
    counts = compare(Client, context.tenant, records)
    return {"fetched": len(entries)} | asdict(counts + Counts(rejected=rejected))


def _appointments(context: Context) -> tuple[dict[str, int], int]:
    counts, fetched, asked = Counts(), 0, 0
    first = appointments.first_booking(context)
    position: dict[str, Any] = {}
    done = first is None
    walk = appointments.walk(context, first or date.today().isoformat(), context.limit)
    while not done:
        page = walk.page(position)
        if page.anew:
            counts, fetched, asked = Counts(), 0, 0
        parsed = appointments.parse(context, page.records)
        records = {record.id: record for record in parsed.records}
        counts += compare(
            Appointment, context.tenant, {key: r.content_hash for key, r in records.items()}
        ) + Counts(rejected=len(parsed.rejects))
        had = dict(
            Appointment.objects.filter(
                tenant=context.tenant, external_id__in=list(records)
            ).values_list("external_id", "payments_fetched_for")
        )
        for key, record in records.items():
            wanted = record.paid or record.amount_paid or context.run.payments_mode == "all"
            asked += bool(wanted or had.get(key)) and had.get(key) != record.payment_state
        fetched += len(page.records)
        position, done = page.cursor, page.done
    return {"fetched": fetched} | asdict(counts), asked
