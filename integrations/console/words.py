"""How does a browser say what is wrong? By the field and the page, not by the server's settings."""

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
    "starts_at": "start",
    "ends_at": "end",
    "service_date": "day",
    "amount_paid": "amount paid",
    "no_show": "no-show",
    "first_name": "first name",
    "last_name": "last name",
    "": "answers or other details",
}


def column_word(name: str) -> str:
    """What people call a column whose value changes."""
    return COLUMNS.get(name, name)
