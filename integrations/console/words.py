"""How does a browser say what is wrong? By the field and the page, not by the server's settings."""

from django.utils.translation import gettext_lazy as _

FIELDS = {
    "check ACUITY_USER_ID and ACUITY_API_KEY": "check the user ID and API key on the account's page",
    "the network and ACUITY_BASE_URL": "the network and the address on the account's page",
    "ACUITY_BASE_URL": "the address on the account's page",
}


def for_people(text: str) -> str:
    """The sentence of an error as somebody in front of the account's form understands it."""
    for setting, field in FIELDS.items():
        text = text.replace(setting, field)
    return text


COLUMNS = {
    "starts_at": _("start"),
    "ends_at": _("end"),
    "service_date": _("day"),
    "amount_paid": _("amount paid"),
    "no_show": _("no-show"),
    "first_name": _("first name"),
    "last_name": _("last name"),
    "email": _("e-mail"),
    "phone": _("phone"),
    "notes": _("notes"),
    "price": _("price"),
    "paid": _("paid"),
    "canceled": _("canceled"),
    "certificate": _("certificate"),
    "location": _("place"),
    "": _("answers or other details"),
}


def column_word(name: str) -> str:
    """What people call a column whose value changes."""
    return str(COLUMNS.get(name, name))
