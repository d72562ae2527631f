"""What does the admin say before it deletes a tenant or an account?"""

from collections import Counter
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from bookings import tables
from bookings.admin import Scoped
from integrations import audit
from integrations.privacy import deleting


class Deletable(Scoped):
    """What is deleted with all that is its own, counted on the page before."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        counts: Counter[str] = Counter()
        for one in objs:
            counts.update(deleting.belongings(one))
        listed = [str(one) for one in objs]
        listed += [f"{tables.number(count)} {name}" for name, count in counts.items()]
        return listed, counts, set(), [said for one in objs if (said := deleting.hindrance(one))]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with audit.acting("person", request.user.get_username()):
            deleting.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for one in queryset:
            self.delete_model(request, one)
