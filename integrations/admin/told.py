"""Which changes that people make in the admin stand in the trail, and for whose tenants?"""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from bookings.admin import Scoped
from integrations import audit


class Told(Scoped):
    """Who gives, changes or takes away one of these is written down, for each tenant it concerns."""

    # What is written when one is added, changed and deleted.
    deeds = ("", "", "")

    def tenants(self, obj: Any) -> set[Any]:
        """The keys of the tenants whose it is."""
        return {obj.tenant_id}

    def note(self, obj: Any) -> str:
        return str(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = self.tenants(form.instance)
        super().save_related(request, form, formsets, change)
        after = self.tenants(form.instance)
        self._tell(request, self.deeds[change], before | after, self.note(form.instance))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        tenants, note = self.tenants(obj), self.note(obj)
        super().delete_model(request, obj)
        self._tell(request, self.deeds[2], tenants, note)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for one in queryset:
            self.delete_model(request, one)

    def _tell(self, request: HttpRequest, deed: str, tenants: set[Any], note: str) -> None:
        with audit.acting("person", request.user.get_username()):
            for tenant in tenants:
                audit.write(deed, tenant=tenant, note=note)
