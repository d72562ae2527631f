"""What does the menu offer, in the owner's words? Only what the user may open."""

from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from integrations import access


@dataclass(frozen=True)
class Item:
    title: Any
    # Name of the page in the admin, and of unfold's icon.
    page: str
    icon: str
    # Pages that lie elsewhere and belong to it.
    also: tuple[str, ...] = ()


GROUPS: dict[Any, tuple[Item, ...]] = {
    "": (
        Item(_("Home"), "index", "home"),
        Item(_("Clients"), "bookings_client_changelist", "group"),
        Item(_("Same person?"), "bookings_client_same", "join"),
        Item(_("Bookings"), "bookings_appointment_changelist", "event"),
        Item(_("Payments"), "bookings_payment_changelist", "payments"),
        Item(_("Revenue"), "bookings_revenues", "bar_chart", ("bookings_revenue",)),
        Item(_("Open obligations"), "bookings_owed_first", "savings", ("bookings_owed",)),
        Item(_("Proof"), "acuity_proofs", "verified"),
        Item(_("What changed"), "bookings_change_changelist", "edit_note"),
    ),
    _("Catalogue"): (
        Item(_("Calendars"), "bookings_calendar_changelist", "calendar_month"),
        Item(_("Appointment types"), "bookings_appointmenttype_changelist", "category"),
        Item(_("Add-ons"), "bookings_addon_changelist", "add_circle"),
        Item(_("Forms"), "bookings_form_changelist", "list_alt"),
        Item(_("Labels"), "bookings_label_changelist", "label"),
        Item(_("Products"), "bookings_product_changelist", "inventory_2"),
        Item(_("Orders"), "bookings_order_changelist", "shopping_cart"),
        Item(_("Certificates"), "bookings_certificate_changelist", "card_giftcard"),
        Item(_("Blocked times"), "bookings_block_changelist", "event_busy"),
    ),
    _("Imports"): (
        Item(_("Imports"), "integrations_importrun_changelist", "sync"),
        Item(_("Accounts"), "integrations_acuityaccount_changelist", "key"),
        Item(_("Rejected records"), "integrations_rejectedrecord_changelist", "report"),
    ),
    _("Settings"): (
        Item(_("Businesses"), "bookings_tenant_changelist", "storefront"),
        Item(_("Users"), "auth_user_changelist", "person"),
        Item(_("Roles"), "integrations_membership_changelist", "badge"),
        Item(_("API tokens"), "integrations_apitoken_changelist", "vpn_key"),
        Item(_("Who did what"), "integrations_auditentry_changelist", "history"),
    ),
}


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """As unfold's `SIDEBAR["navigation"]` has it."""
    links = {item: reverse(f"admin:{item.page}") for items in GROUPS.values() for item in items}
    home = reverse("admin:index")
    # The longest that the address begins with; every one begins as the home page does.
    within = [link for link in links.values() if request.path.startswith(link) and link != home]
    here = max(within, key=len, default=request.path)
    name = request.resolver_match and request.resolver_match.url_name
    here = next((links[item] for item in links if name in item.also), here)
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                asdict(item) | {"link": links[item], "active": links[item] == here}
                for item in items
                if _may(request, item.page)
            ],
        }
        for title, items in GROUPS.items()
    ]


def _may(request: HttpRequest, page: str) -> bool:
    if page == "index":
        return True
    if page in ("bookings_revenues", "bookings_owed_first"):
        return access.of_user(request.user).may("revenue")
    if page == "bookings_client_same":
        return request.user.has_perm("bookings.view_client")
    if page == "acuity_proofs":
        return request.user.has_perm("integrations.view_importrun")
    listed = page.removesuffix("_changelist")
    models = {
        f"{m._meta.app_label}_{m._meta.model_name}": a for m, a in admin.site._registry.items()
    }
    found = models.get(listed)
    return found is not None and found.has_view_permission(request)
