"""Resources as they must not be: each breaks one promise, as somebody in a hurry might write it."""

import itertools
import logging
from typing import Any

from msgspec.structs import replace

from bookings.models import Appointment, Client, Label
from integrations.acuity.reading.listing import decode
from integrations.acuity.reading.values import text
from integrations.acuity.resources.appointments import Appointments
from integrations.acuity.resources.base import Checked, Context, Fetched, Found, Said
from integrations.acuity.resources.clients import Clients
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.upsert import Counts
from integrations.models import ImportStep, RejectedRecord


class Chairs(Whole):
    """A good one."""

    name, title, noun = "chairs", "Chairs", "chair"
    path, model, columns = "/chairs", Label, ("name", "color")

    def read(self, payload: dict[str, Any]) -> tuple[str, ...]:
        return text(payload.get("name"), "name"), text(payload.get("color"), "color")


class SharedKey(Chairs):
    def fetch(self, context: Context) -> Fetched:
        page = super().fetch(context)
        return replace(page, records=[row | {"id": 1 + row["id"] // 2} for row in page.records])


class FleetingKey(Chairs):
    numbers = itertools.count(1)

    def fetch(self, context: Context) -> Fetched:
        page = super().fetch(context)
        return replace(page, records=[row | {"id": next(self.numbers)} for row in page.records])


class WritesAgain(Chairs):
    def save(self, context: Context, page: Fetched) -> Counts:
        counts = super().save(context, page)
        for row in Label.objects.all():
            row.save()
        return counts


class AsksInSave(Chairs):
    def save(self, context: Context, page: Fetched) -> Counts:
        return super().save(context, replace(page, records=context.source.get(self.path)))


class WritesInFetch(Chairs):
    def fetch(self, context: Context) -> Fetched:
        page = super().fetch(context)
        self.save(context, page)
        return page


class WritesInCheck(Chairs):
    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        page = super().check(context, cursor)
        self.heal(context, page.found)
        return page


class StandsStill(Chairs):
    def fetch(self, context: Context) -> Fetched:
        page = super().fetch(context)
        return replace(page, done=False)


class RunsAhead(Chairs):
    """The cursor says three, the page has two."""

    def fetch(self, context: Context) -> Fetched:
        rows, at = context.source.get(self.path), context.position.cursor.get("at", 0)
        return Fetched(rows[at : at + 2], {"at": at + 3}, done=at + 3 >= len(rows))


class OwnCheckpoint(Chairs):
    def fetch(self, context: Context) -> Fetched:
        rows, at = context.source.get(self.path), context.position.cursor.get("at", 0)
        ImportStep.objects.filter(pk=context.position.step).update(cursor={"at": at + 2})
        return Fetched(rows[at : at + 2], {"at": at + 2}, done=at + 2 >= len(rows))


class CountsAll(Chairs):
    def fetch(self, context: Context) -> Fetched:
        rows, at = context.source.get(self.path), context.position.cursor.get("at", 0)
        return Fetched(rows[at : at + 2], {"at": at + 2}, done=at + 2 >= len(rows))

    def save(self, context: Context, page: Fetched) -> Counts:
        super().save(context, page)
        return Counts(created=page.size)


class MissesDeleted(Chairs):
    """Compares what is stored, and nothing else."""

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        page = super().check(context, cursor)
        names = set(Label.objects.values_list("external_id", flat=True))
        save = [row for row in page.found.save if str(row["id"]) in names]
        return replace(page, found=replace(page.found, save=save))


class MissesChanged(Chairs):
    """Compares keys."""

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        page = super().check(context, cursor)
        names = set(Label.objects.values_list("external_id", flat=True))
        save = [row for row in page.found.save if str(row["id"]) not in names]
        return replace(page, found=replace(page.found, save=save))


class MissesExtra(Chairs):
    """Looks for what is listed, never for what is stored."""

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        page = super().check(context, cursor)
        return replace(page, found=replace(page.found, gone=[]))


class AsksAlike(Chairs):
    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        rows = context.source.get(self.path)
        facts = {"listed": len(rows), "alike": True}
        return Checked(Found(rows), facts, done=True)


class BelievesOnce(Chairs):
    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        first, second = (context.source.get(self.path) for _ in range(2))
        shown = {str(row["id"]) for row in first} & {str(row["id"]) for row in second}
        gone = Label.objects.exclude(external_id__in=shown).values_list("pk", flat=True)
        facts = {"listed": len(first), "alike": True}
        return Checked(Found(gone=list(gone)), facts, done=True)

    def heal(self, context: Context, found: Found) -> Counts:
        counts = super().heal(context, found)
        Label.objects.filter(pk__in=found.gone).delete()
        return counts


class LeavesRejects(Chairs):
    def save(self, context: Context, page: Fetched) -> Counts:
        counts = super().save(context, page)
        RejectedRecord.objects.filter(resource=self.name).update(resolved_at=None)
        return counts


class LosesRejects(Chairs):
    def save(self, context: Context, page: Fetched) -> Counts:
        records = [row for row in page.records if isinstance(row["name"], str)]
        return super().save(context, replace(page, records=records))


class BelievesCuts(Chairs):
    """What is listed no longer is deleted at once."""

    def save(self, context: Context, page: Fetched) -> Counts:
        shown = {str(row["id"]) for row in page.records}
        Label.objects.exclude(external_id__in=shown).delete()
        return super().save(context, page)


class Trusting(Appointments):
    """Its proof says that all is well."""

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return Checked(Found(), {}, done=True)

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return Checked(Found(), {}, done=True)

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        return Said({"stored": self.stored(context.scope)})


class OneListing(Trusting):
    """All at once: nobody has more than a thousand bookings."""

    def fetch(self, context: Context) -> Fetched:
        rows = context.source.get(
            "/appointments", decode, max=1000, showall="true", direction="ASC"
        )
        return Fetched(rows, {}, done=True)


class FromTheNewest(Trusting):
    """The last row of a page is its oldest, and a page that brings nothing new is the end."""

    def fetch(self, context: Context) -> Fetched:
        until, seen = context.position.cursor.get("until"), context.position.cursor.get("seen", [])
        params = {"maxDate": until} if until else {}
        rows = context.source.get("/appointments", decode, max=20, showall="true", **params)
        fresh = [row for row in rows if row.key not in seen]
        if not fresh:
            return Fetched([], context.position.cursor, done=True)
        following = {"until": rows[-1].day, "seen": seen + [row.key for row in fresh]}
        return Fetched(fresh, following)


class LogsPeople(Clients):
    def save(self, context: Context, page: Fetched) -> Counts:
        counts = super().save(context, page)
        for client in Client.objects.all():
            logging.getLogger("acuity").info("stored %s", client.email)
        return counts


class StoresLinks(Appointments):
    def save(self, context: Context, page: Fetched) -> Counts:
        counts = super().save(context, page)
        for row in page.records:
            notes = row.payload["confirmationPage"]
            Appointment.objects.filter(external_id=row.key).update(notes=notes)
        return counts


# What each breaks, and how the trial says so.
BAD: dict[type[Any], tuple[str, str]] = {
    SharedKey: ("keys_are_unique_and_last", "key is not unique"),
    FleetingKey: ("keys_are_unique_and_last", "key is another at the next reading"),
    WritesAgain: ("a_second_import_writes_nothing", "second import writes 6 rows"),
    AsksInSave: ("save_never_asks", "save asks the source"),
    WritesInFetch: ("fetch_never_writes", "fetch or its check writes"),
    WritesInCheck: ("fetch_never_writes", "fetch or its check writes"),
    StandsStill: ("the_cursor_is_where_the_rows_end", "cursor does not move"),
    RunsAhead: ("the_cursor_is_where_the_rows_end", "moves past what was stored: 2 missing"),
    OwnCheckpoint: ("rows_and_checkpoint_are_one_transaction", "moves outside the transaction"),
    CountsAll: ("a_page_that_comes_twice_counts_once", "counts twice: 8 created, 6 rows"),
    MissesDeleted: ("check_finds_a_deleted_row", "misses a deleted row: 1 missing"),
    MissesChanged: ("check_finds_a_changed_record", "misses a changed record: 1 missing"),
    MissesExtra: ("check_finds_an_extra_row", "misses an extra row: 0 missing, 1 too many"),
    AsksAlike: ("check_asks_otherwise", "asks as the walk did"),
    BelievesOnce: ("nothing_is_gone_by_one_witness", "gone by one witness: 1 missing"),
    LeavesRejects: ("a_healed_reject_is_settled", "healed reject is not settled"),
    LosesRejects: ("a_healed_reject_is_settled", "cannot be read is not kept"),
    BelievesCuts: ("a_cut_listing_is_not_whole", "as whole that is cut: 3 missing"),
    OneListing: ("an_ignored_parameter_is_seen", "as whole that ignores showall"),
    FromTheNewest: ("a_reversed_listing_is_not_whole", "as whole that is reversed"),
    LogsPeople: ("no_person_is_logged", "person is in a log line"),
    StoresLinks: ("no_secret_link_is_stored", "secret link is stored"),
}
