"""How does a list of a million rows stay as quick as one of ten thousand?

A page's keys are found first, from whichever end of the list is nearer, and only its rows are read.
A filtered list is counted up to MOST and says "more than" beyond; the whole list is counted exactly.
"""

from collections.abc import Iterable
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.contrib.admin import AllValuesFieldListFilter
from django.core.paginator import Page, Paginator
from django.db.models import BooleanField, F, Func, Min, Model, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils.text import smart_split, unescape_string_literal

from bookings import phones
from bookings.models import Client

MOST = 10_000
# A word that more clients than this have in their names is so common that a page soon fills.
FEW_CLIENTS = 2_000
NAMES = ("last_name", "first_name", "email")


class Beyond(int):
    """A count that ended at MOST, because there are more."""

    def __str__(self) -> str:
        return f"more than {int(self):,}"


class Among(Func):
    """Rows of these keys, which are one parameter: as one each, thousands are long in the handing over."""

    output_field = BooleanField()

    def __init__(self, keys: Iterable[int]) -> None:
        super().__init__(F("pk"), Value(",".join(map(str, keys))))

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        among = " IN (SELECT value FROM json_each('[' || "
        return self.as_sql(
            compiler, connection, template="%(expressions)s || ']'))", arg_joiner=among
        )

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="%(expressions)s || '}')::bigint[])",
            arg_joiner=" = ANY(('{' || ",
        )


def among(keys: list[Any]) -> Q:
    """Rows of these keys."""
    return Q(Among(keys)) if keys and isinstance(keys[0], int) else Q(pk__in=keys)


def looked_up(rows: QuerySet[Any], otherwise: Q) -> Q:
    """`rows`, of which an index has all it takes, by their keys; `otherwise` where they are many.

    Beside other conditions, each row of the table would be looked at.
    """
    keys = list(rows.order_by().values_list("pk", flat=True)[: MOST + 1])
    # Each by itself: PostgreSQL would read a list in one parameter anew for each row.
    return Q(pk__in=keys) if len(keys) <= MOST else otherwise


class KeyPaginator(Paginator):  # type: ignore[type-arg]  # not to be subscripted when it runs
    """Django's paginator, whose last page costs no more than its first."""

    object_list: QuerySet[Any]

    @cached_property
    def found(self) -> list[Any]:
        """The keys of a filtered list, up to one more than MOST, from one look through the table."""
        return list(self.object_list.order_by().values_list("pk", flat=True)[: MOST + 1])

    @cached_property
    def count(self) -> int:
        if not self.object_list.query.where:
            return self.object_list.count()
        found = len(self.found)
        return Beyond(MOST) if found > MOST else found

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        top = min(bottom + self.per_page, self.count)
        rows = self.object_list
        if rows.query.where and not isinstance(self.count, Beyond):
            # Sorted, not looked for in the order of an index, which may have them at its other end.
            rows = rows.filter(among(self.found))
        keys = rows.values_list("pk", flat=True)
        if bottom > self.count // 2 and not isinstance(self.count, Beyond):
            keys = keys.reverse()[self.count - top : self.count - bottom]
        else:
            keys = keys[bottom:top]
        return Page(self.object_list.filter(pk__in=list(keys)), number, self)


def words(term: str) -> list[str]:
    """As Django's own search has them: what stands in quotes is one."""
    return [
        unescape_string_literal(word) if word[0] in "\"'" and word[0] == word[-1] else word
        for word in smart_split(term)
    ]


def of_client(word: str) -> Q:
    """Bookings whose client has the word in the name or the e-mail address."""
    return _whose(named(word), named(word, "client__"))


def of_phone(digits: str) -> Q:
    """Bookings whose client has the digits in the phone number."""
    return _whose(phones.having("phone", digits), phones.having("client__phone", digits))


def _whose(clients: Q, booked: Q) -> Q:
    """Bookings of these clients, who are looked up first unless they are many: then it is `booked`."""
    keys = list(Client.objects.filter(clients).values_list("pk", flat=True)[: FEW_CLIENTS + 1])
    return Q(client__in=keys) if len(keys) <= FEW_CLIENTS else booked


def named(word: str, path: str = "") -> Q:
    """Clients, or rows with a path to one, that have the word in the name or the e-mail address."""
    return reduce(or_, (Q(**{f"{path}{name}__icontains": word}) for name in NAMES))


def values_of(rows: QuerySet[Any], name: str) -> Iterable[str]:
    """The values of a column, one look into its index for each of them."""
    value = rows.aggregate(least=Min(name))["least"]
    while value is not None:
        yield value
        value = rows.filter(**{f"{name}__gt": value}).aggregate(least=Min(name))["least"]


class FewValues(AllValuesFieldListFilter):
    """Offers each value of an indexed column that has few of them."""

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: Any,
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        rows = model_admin.get_queryset(request).order_by()
        self.lookup_choices: Any = list(values_of(rows, field.name))
