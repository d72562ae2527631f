"""Where do people say when an account is looked at by itself?"""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import zones
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sync import plans
from integrations.admin.told import Told
from integrations.console.sentences import said
from integrations.models import Plan


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        try:
            plans.check(self.instance)
        except ConfigurationError as error:
            self.add_error(None, said(str(error)))


@admin.register(Plan)
class PlanAdmin(Told):
    """When an account is looked at by itself."""

    form = PlanForm
    deed = "run"
    deeds = ("planned", "planned", "deleted a plan")
    list_display = ["account", "hourly", "nightly", "next_turn", "passed_at", "audited_at"]
    list_select_related = ["account__tenant"]
    readonly_fields = ["next_turn", "cost"]

    @admin.display(description=_("Next"))
    def next_turn(self, plan: Plan) -> str:
        turn = plans.following(plan, timezone.now()) if plan.pk else None
        if not turn:
            return gettext("nothing planned")
        return zones.written(turn, zones.of(plan.account.tenant), named=True)

    @admin.display(description=_("What the audit costs"))
    def cost(self, plan: Plan) -> str:
        return said(plans.cost(plan).words) if plan.pk else gettext("known once it is saved")

    def tenants(self, obj: Plan) -> set[Any]:
        return {obj.account.tenant_id}

    def note(self, obj: Plan) -> str:
        return plans.words(obj)
