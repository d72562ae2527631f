"""Whatever a source sends, a parser gives a record that can be stored, or a `Reject` with its reason."""

import json
from typing import Any

import msgspec
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.acuity.reading import listing
from integrations.acuity.reading.identity import Identity, phone_key
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import Reject, clean
from integrations.acuity.resources.appointments.record import parse_appointment
from integrations.acuity.resources.clients import save
from integrations.acuity.resources.clients.record import parse_client
from integrations.acuity.resources.payments.record import parse_payments
from integrations.acuity.sandbox import make_account

ACCOUNT = make_account(clients=5, appointments=20, months=1)
BOOKING = next(iter(ACCOUNT.appointments))
ENTRY = ACCOUNT.clients[0]
PAYMENT = {
    "created": "2026-06-01T10:00:00-0500",
    "processor": "cash",
    "transactionID": "",
    "amount": "45.00",
}
TEXT = st.text(st.characters(codec=None), max_size=40)
ABSURD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(
        [
            "0001-01-01T00:00:00-0500",
            "9999-12-31T23:59:59+1400",
            "2026-02-30",
            "12,50",
            "1e999",
            "NaN",
            "-0.00",
            "1" * 40,
            "x" * 1_000_000,
            "\x00",
            "\ud800",
            "\u202eabc",
            "👩‍👩‍👧",
            "٣",
            "²",
            "--1",
        ]
    ),
    st.recursive(
        TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
)


def broken(payload: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`payload` with some fields left out and some replaced."""
    fields = st.dictionaries(st.sampled_from(sorted(payload)), ABSURD, max_size=4)
    gone = st.sets(st.sampled_from(sorted(payload)), max_size=3)
    return st.builds(
        lambda fields, gone: {k: v for k, v in {**payload, **fields}.items() if k not in gone},
        fields,
        gone,
    )


def storable(value: Any) -> None:
    text = json.dumps(msgspec.json.decode(msgspec.json.encode(value)), ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text


@pytest.mark.long
@settings(deadline=None, max_examples=400)
@given(broken(BOOKING) | ABSURD)
def test_any_booking_is_a_record_or_a_reject(payload: Any) -> None:
    try:
        record = parse_appointment(Row.of(payload), Identity())
    except Reject as reason:
        assert str(reason)
        storable(clean(payload))
        return
    storable({**msgspec.structs.asdict(record), "person": record.person.fields()})
    assert record.id.isdigit() and 1899 <= record.starts_at.year <= 2201
    assert len(record.client_key) <= 200


@pytest.mark.long
@given(
    st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["{}", "({:.3}) {:.3}-{}", " {}"]),
)
def test_ten_digits_are_the_phone_that_the_library_says(digits: str, form: str) -> None:
    parsed = phonenumbers.parse(digits, "US")
    expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    shown = form.format(digits[:3], digits[3:6], digits[6:]) if "(" in form else form.format(digits)

    assert phone_key(shown) == expected


def test_a_booking_with_many_answers_is_kept_whole() -> None:
    answers = [{"id": n, "fieldID": n, "value": "a\x00b", "name": "Question"} for n in range(200)]
    payload = {**BOOKING, "forms": [{"id": 1, "name": "Long", "values": answers}]}

    record = parse_appointment(Row.of(payload), Identity())

    (form,) = msgspec.json.decode(record.forms)
    assert [answer["value"] for answer in form["values"]] == ["ab"] * 200


@pytest.mark.long
@settings(deadline=None, max_examples=200)
@given(st.lists(broken(ENTRY), min_size=1, max_size=3), st.booleans())
def test_any_group_of_entries_is_a_client_or_a_reject(entries: Any, by_phone: bool) -> None:
    try:
        storable(parse_client(entries, Identity(by_phone=by_phone)))
    except Reject as reason:
        assert str(reason)


@settings(deadline=None, max_examples=200)
@given(st.lists(broken(PAYMENT) | ABSURD, max_size=4) | ABSURD)
def test_any_list_of_payments_is_read_or_rejected(rows: Any) -> None:
    try:
        records = parse_payments(rows).records
    except Reject as reason:
        assert str(reason)
        return
    storable(records)
    assert len({record.key for record in records}) == len(records)


@settings(deadline=None)
@given(ABSURD)
def test_what_is_clean_is_left_alone_and_what_is_not_becomes_storable(value: Any) -> None:
    once = clean(value)
    storable(once)
    assert clean(once) == once


def test_a_number_beyond_all_numbers_is_a_reject() -> None:
    entry = b'{"id": 1, "firstName": "Ada", "price": 1e999}'

    with pytest.raises(Reject):
        parse_client(save.opened([entry]), Identity())
    with pytest.raises(Reject):
        parse_appointment(listing.decode_one(entry), Identity())
    assert listing.decode_one(entry).payload == entry.decode()
