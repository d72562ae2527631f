"""What does a list show that only comes whole, and what should it show?"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from bookings.models import Listed
from integrations.acuity.errors import BadAnswer, Forbidden, NotFound, PlanWithoutApi
from integrations.acuity.reading.values import Reject, clean, digest, listed, number
from integrations.acuity.resources.base import Context, Resource
from integrations.acuity.resources.records import Part, Record, Shown, nameless
from integrations.acuity.resources.scope import Scope
from integrations.acuity.store.references import Keys
from integrations.acuity.store.upsert import Parsed

# Acuity's own word that this account has no such list.
REFUSALS = (NotFound, Forbidden, PlanWithoutApi)


class Listing(Resource):
    """What a resource says of its list, and how that is asked for and made sense of."""

    path: str
    # Columns of the model, in the order of what `read` returns; that of a `Ref` ends in `_id`.
    columns: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    # Of these columns, those that may say who a client is. They stay empty where that client was
    # forgotten, and of such a payload only `impersonal` is kept.
    personal: tuple[str, ...] = ()
    impersonal: frozenset[str] = frozenset()
    # Sent with the request.
    params: dict[str, str] = {}
    # Sent instead by the proof, for a list of which all must be in the first one, too.
    second_look: dict[str, str] | None = None
    # Of what names rows that no list has: those by which the list is proven to be cut short.
    proves_cut: tuple[str, ...] = ()
    model: type[Listed]

    @abstractmethod
    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        """The values of `columns`. Raises Reject."""

    def values(self, context: Context, payload: dict[str, Any]) -> tuple[Any, ...]:
        """As `read`, for a resource that has to know more than the payload says."""
        return self.read(payload)

    def listing(self, context: Context) -> Shown:
        """All payloads, as the import asks for them. Raises an `AcuityError`."""
        return Shown(self.ask(context, **self.params))

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        """What another question shows, when the list has shown `rows`."""
        if self.second_look is None:
            return Shown()
        shown = self.ask(context, **self.second_look)
        asked = ", ".join(f"{k}={v}" for k, v in {**self.params, **self.second_look}.items())
        evidence = [f"asked with and without {asked}"]
        # One of them leaves out what was deleted: never most of what there is.
        return Shown(shown, evidence, may_lack=(len(rows) - 1) // 2)

    def incomplete(self, records: dict[int, Record], keys: Keys) -> set[int]:
        """Of these records, by primary key, those to which other rows belong than the import wrote."""
        found = set[int]()
        for n, part in enumerate(self.parts):
            had = part.stored(records)
            found |= {pk for pk, record in records.items() if had[pk] != record.owned(n, keys)}
        return found

    def rows(self, scope: Scope) -> QuerySet[Any]:
        """The stored rows that the list should show."""
        return scope.account.rows(self.model).filter(known_from="", removed_at=None)

    def stored(self, scope: Scope) -> int:
        return self.rows(scope).count()

    def unlisted(self, context: Context) -> dict[str, int]:
        """How many rows no list has shown, by what names them."""
        rows = context.account.rows(self.model)
        names = rows.exclude(known_from="").values_list("known_from", flat=True)
        found: dict[str, int] = {}
        for name in names:
            found[name] = found.get(name, 0) + 1
        return found

    def ask(self, context: Context, path: str = "", **params: Any) -> list[Any]:
        """The payloads of one answer. Raises an `AcuityError`."""
        path = path or self.path
        rows = listed(context.source.get(path, **params))
        if rows is None:
            raise BadAnswer(f"{path} is not a list")
        return [clean(row) for row in rows]

    def parse(self, context: Context, payloads: Iterable[Any]) -> Parsed:
        records: dict[str, Record] = {}
        parsed = Parsed()
        for payload in payloads:
            try:
                if not isinstance(payload, dict):
                    raise Reject("not an object")
                key = number(payload.get("id"), "id")
                parts = tuple(tuple(map(tuple, part.read(payload))) for part in self.parts)
                values = self.values(context, payload)
                records[key] = Record(key, values, parts, payload, digest(payload), payload)
            except Reject as reason:
                parsed.rejects.append((payload, str(reason)))
        parsed.records = nameless(self, context, records)
        return parsed
