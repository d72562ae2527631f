"""Odd answers, odd values: one costs at most itself, and what a second question clears up is asked."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import msgspec
import pytest

from bookings.models import Appointment, Calendar, Client, Payment
from integrations.acuity import errors
from integrations.acuity.reading import listing
from integrations.acuity.reading.identity import Identity, fold, phone_key
from integrations.acuity.reading.values import Reject, money, other_reading
from integrations.acuity.reading.zones import country
from integrations.acuity.resources.appointments.record import AppointmentRecord, parse_appointment
from integrations.acuity.resources.payments.record import parse_payments
from integrations.acuity.sandbox import Account, Sandbox
from integrations.acuity.sandbox.server import Answer
from integrations.acuity.source import client
from integrations.acuity.source.answers import retry_after
from integrations.acuity.source.budget import LocalBudget
from integrations.acuity.source.throttle import Throttle
from tests.conftest import ids, import_all, small, source, source_ids
from tests.later import prove_later
from tests.source.test_source_faults import Hostile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]
Reply = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]
HTML = b"<html><h1>Forbidden</h1></html>"


def said(status: int, error: str = "some_error", message: str = "No") -> bytes:
    return b'{"status_code":%d,"message":"%s","error":"%s"}' % (
        status,
        message.encode(),
        error.encode(),
    )


def sends(*replies: Reply) -> Hostile:
    """A server that gives these answers in turn, and the last one for ever."""
    left = list(replies)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        status, body, *more = left.pop(0) if len(left) > 1 else left[0]
        handler.send_response(status)
        for name, value in (more[0] if more else {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return Hostile(answer)


def ask(server: Hostile, path: str = "/me", tries: int = 4) -> Any:
    throttle = Throttle(LocalBudget(), 0, 0)
    return client.AcuityClient(
        server.url, "1", "s", throttle, timeout=(1, 1), tries=tries, private=True
    ).get(path, listing.split if path == "/clients" else msgspec.json.decode)


def replace(box: Sandbox, path: str, answer: Callable[[Answer], Answer | None]) -> None:
    """From now on `answer` sees what the sandbox would say at `path`, and may say otherwise."""
    box.rewrites[path] = lambda _, found: answer(found)


def says(box: Sandbox, over: dict[str, Any]) -> None:
    """`/me` says this of itself from now on."""
    body = json.dumps(box.account.me | over).encode()
    replace(box, "/me", lambda _: Answer(200, body))


def once(answer: Answer) -> Callable[[Answer], Answer | None]:
    left = [answer]
    return lambda _: left.pop() if left else None


def paid(data: Account) -> str:
    """A booking with payments."""
    return str(next(key for key, rows in data.payments.items() if rows))


@pytest.mark.parametrize(
    "hiccup",
    [
        (403, HTML),
        (403, b""),
        (401, b"<html>proxy login</html>"),
        (407, b""),
        (408, b""),
        (425, b""),
        (302, b""),
        (307, b""),
        (206, b'{"id":'),
        (401, said(401, "unauthorized")),
        (403, said(403, "forbidden")),
        (404, said(404, "not_found")),
        (400, said(400, "bad_request")),
        (200, said(500, "internal")),
        (200, said(503, "service_unavailable")),
        (200, b""),
    ],
)
def test_one_odd_answer_is_asked_again(hiccup: Reply) -> None:
    with sends(hiccup, (200, b'{"id":1}')) as server:
        assert ask(server) == {"id": 1}


@pytest.mark.parametrize(
    ("answer", "kind", "asked"),
    [
        ((401, said(401, "unauthorized")), errors.CredentialsRefused, 2),
        ((403, said(403, message="API access is only on Powerhouse plans")), errors.PlanWithoutApi, 1),
        ((403, said(403, "forbidden")), errors.Forbidden, 2),
        ((404, said(404, "not_found")), errors.NotFound, 2),
        ((422, said(422)), errors.BadAnswer, 2),
        ((403, HTML), errors.Intercepted, 3),
        ((302, b""), errors.Redirected, 3),
        ((408, b""), errors.ServerTrouble, 3),
        ((200, said(500)), errors.ServerTrouble, 3),
        ((200, said(404)), errors.NotFound, 2),
        ((200, said(401)), errors.CredentialsRefused, 2),
    ],
)  # fmt: skip
def test_what_lasts_is_said_by_its_name(answer: Reply, kind: type, asked: int) -> None:
    with sends(answer) as server, pytest.raises(kind):
        ask(server, tries=3)

    assert len(server.seen) == asked


@pytest.mark.parametrize("page", [HTML, b"  <!DOCTYPE html>"])
def test_only_acuity_itself_says_that_a_booking_is_gone(page: bytes) -> None:
    with sends((404, page)) as server, pytest.raises(errors.Intercepted):
        ask(server, "/appointments/1", tries=1)


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [
        ("/appointments/1/payments", (204, b""), []),
        ("/appointments", (204, b""), []),
        ("/appointments/1/payments", (200, b""), []),
        ("/clients", (200, b" \n"), []),
        ("/me", (200, b'\xef\xbb\xbf{"id":1}'), {"id": 1}),
        ("/appointments", (200, b"\xef\xbb\xbf[]"), []),
        ("/me", (201, b'{"id":1}'), {"id": 1}),
        ("/me", (200, b'{"a":"b\tc\nd"}'), {"a": "b\tc\nd"}),
        ("/me", (200, b'{"a":"\\"\r\x1f","b":29.949999999999999}'), {"a": '"\r\x1f', "b": 29.95}),
        ("/clients", (200, b'[{"notes":"a\tb"}]'), [b'{"notes":"a\\u0009b"}']),
        ("/me", (200, b'{"status_code":200,"id":1,"error":null}'), {"status_code": 200, "id": 1, "error": None}),
    ],
)  # fmt: skip
def test_answers_in_another_dress_are_read(path: str, answer: Reply, expected: Any) -> None:
    with sends(answer) as server:
        assert ask(server, path) == expected


@pytest.mark.parametrize(
    "body", [b'{"a":"b\tc"', b'[{"a":NaN,"b":"\t"}]', b"\t\x00", b'{"a"\x0b:1}']
)
def test_what_is_wrong_otherwise_too_is_no_json(body: bytes) -> None:
    with sends((200, body)) as server, pytest.raises(errors.NotJson):
        ask(server, tries=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("9", 9),
        ("0.5", 0.5),
        ("Wed, 25 Nov 2026 09:20:09 GMT", 10),
        ("Wednesday, 25-Nov-26 09:20:09 GMT", 10),
        ("Wed, 25 Nov 2026 09:19:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_when_to_come_back_is_read_in_seconds_or_as_a_date(
    header: str, seconds: float | None
) -> None:
    assert retry_after({"Retry-After": header, "Date": "Wed, 25 Nov 2026 09:20:00 GMT"}) == seconds


@pytest.mark.parametrize("status", [429, 503, 403])
def test_nobody_asks_before_the_time_that_acuity_named(status: int) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    header = {"Retry-After": format_datetime(until, usegmt=True)}

    with sends((status, HTML, header), (200, b'{"id":1}')) as server:
        throttle = Throttle(LocalBudget(), 0, 0)
        asking = client.AcuityClient(server.url, "1", "s", throttle, timeout=(1, 1), private=True)
        assert asking.get("/me") == {"id": 1}

    assert time.time() >= until.timestamp()


def test_a_wait_announced_to_one_delays_all_who_share_the_budget() -> None:
    throttle = Throttle(LocalBudget(), 0, 0)
    began = time.monotonic()
    with sends((503, b"", {"Retry-After": "1"})) as server, pytest.raises(errors.ServerTrouble):
        client.AcuityClient(server.url, "1", "s", throttle, tries=1, private=True).get("/me")

    with throttle.slot():
        assert time.monotonic() - began >= 0.95


@pytest.mark.long
@pytest.mark.parametrize(
    "hiccup", [Answer(403, HTML, "text/html"), Answer(408, b""), Answer(302, b"")]
)
def test_a_hiccup_at_a_payments_request_costs_nothing(hiccup: Answer) -> None:
    data = small()
    with source(data) as box:
        replace(box, f"/appointments/{paid(data)}/payments", once(hiccup))
        run = import_all(box)

    assert (run.status, run.verified) == ("completed", True)
    assert Payment.objects.count() == data.payment_count()
    assert Appointment.objects.filter(removed_at=None).count() == len(data.appointments)


LASTING = [
    Answer(403, said(403, "forbidden")),
    Answer(404, said(404, "not_found")),
    Answer(400, said(400, "bad_request")),
    Answer(410, said(410, "gone")),
    Answer(422, b"{}"),
    Answer(500, said(500)),
    Answer(403, HTML, "text/html"),
    Answer(200, b"null"),
    Answer(200, b'{"payments": 3}'),
]


@pytest.mark.long
@pytest.mark.parametrize(
    "refusal", [LASTING[0], *(pytest.param(one, marks=pytest.mark.slow) for one in LASTING[1:])]
)
def test_one_forbidden_record_is_set_aside_until_the_next_import(refusal: Answer) -> None:
    data = small()
    number = paid(data)
    with source(data) as box:
        replace(box, f"/appointments/{number}/payments", lambda _: refusal)
        run = import_all(box)

        assert (run.status, run.verified) == ("completed_with_gaps", False)
        reject = run.rejects.get()
        assert (reject.resource, reject.external_id) == ("payments", number)
        if refusal.status >= 400:
            assert f"/appointments/{number}/payments" in reject.reason
        assert ids() == source_ids(data)
        rest = data.payment_count() - len(data.payments[int(number)])
        assert Payment.objects.count() == rest

        box.rewrites.clear()
        again = import_all(box)

    assert (again.status, again.verified) == ("completed", True)
    reject.refresh_from_db()
    assert reject.resolved_at
    assert Payment.objects.count() == data.payment_count()


@pytest.mark.long
def test_ten_refusals_in_a_row_are_the_sources_and_stop_the_run() -> None:
    data = small()
    with source(data) as box:
        for number in data.payments:
            replace(box, f"/appointments/{number}/payments", lambda _: LASTING[0])
        run = import_all(box)

    assert (run.status, run.error_class) == ("failed", "Forbidden")
    assert "forbids" in run.reason
    assert ids() == source_ids(data)


@pytest.mark.long
@pytest.mark.parametrize("refusal", [LASTING[0], LASTING[5], LASTING[7]])
def test_a_booking_that_does_not_answer_is_neither_gone_nor_changed(refusal: Answer) -> None:
    data = small()
    number = paid(data)
    with source(data) as box:
        import_all(box)
        Appointment.objects.filter(external_id=number).update(fingerprint="", content_hash="")
        replace(box, f"/appointments/{number}", lambda _: refusal)
        run = import_all(box)

    assert run.status in ("completed", "completed_with_gaps")
    assert ids() == source_ids(data)


@pytest.mark.long
def test_bookings_deleted_while_their_payments_are_read_are_gone_and_no_gap() -> None:
    data = small()
    doomed = sorted(data.payments)[:12]

    def deletes(path: str, _: Any) -> None:
        if path.endswith("/payments"):
            for number in doomed:
                if number in data.bookings:
                    data.delete(number)

    with source(data) as box:
        box.hook = deletes
        run = import_all(box)
        gaps = {gap["kind"]: gap["missing"] for gap in run.gaps}
        prove_later(run)

    assert gaps["removals"] == 12
    assert ids() == source_ids(data) - set(map(str, doomed))
    assert (run.status, run.gaps) == ("completed", [])


@pytest.mark.long
@pytest.mark.parametrize(
    ("me", "zone", "currency"),
    [
        ({"timezone": "Eastern Time (US & Canada)"}, "America/New_York", "USD"),
        ({"timezone": "W. Europe Standard Time"}, "Europe/Berlin", "USD"),
        ({"timezone": "america/new_york"}, "America/New_York", "USD"),
        ({"currency": "gbp"}, "America/Chicago", "GBP"),
        ({"currency": " eur "}, "America/Chicago", "EUR"),
    ],
)
def test_zone_and_currency_are_read_by_any_of_their_names(
    me: dict[str, Any], zone: str, currency: str
) -> None:
    data = small()
    with source(data) as box:
        says(box, me)
        run = import_all(box)

    assert (run.account.timezone, run.account.tenant.timezone) == (zone, zone)
    assert run.account.tenant.currency == currency
    assert set(Payment.objects.values_list("currency", flat=True)) == {currency}


def me(**over: Any) -> dict[str, Any]:
    return {"id": 1, "timezone": "UTC", "currency": "USD", "name": "x", **over}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (me(id=None), "ID"),
        ([], "object"),
        (me(timezone="Mars/Olympus"), "time zone"),
        (me(timezone=None), "time zone"),
        (me(currency="gold"), "currency"),
        (me(currency=None), "currency"),
    ],
)
def test_who_does_not_say_whose_account_it_is_has_nothing_written(answer: Any, word: str) -> None:
    with source(small()) as box:
        replace(box, "/me", lambda _: Answer(200, json.dumps(answer).encode()))
        run = import_all(box)

    assert (run.status, run.error_class) == ("failed", "UnknownAccount")
    assert word in run.reason
    assert not Appointment.objects.exists() and not Calendar.objects.exists()


@pytest.mark.long
@pytest.mark.parametrize("over", [{"id": 424242}, {"currency": "EUR"}])
def test_another_account_at_the_same_credentials_stops_the_run(
    over: dict[str, Any], settings: Any
) -> None:
    data = small()
    with source(data) as box:
        # What another address answers is not shown.
        settings.ACUITY_BASE_URL = box.base_url
        import_all(box)
        data.me.update(over)
        run = import_all(box)

    assert (run.status, run.error_class) == ("failed", "AnotherAccount")
    assert str(next(iter(over.values()))) in run.reason


@pytest.mark.long
@pytest.mark.parametrize("over", [{"timezone": "Mars/Olympus"}, {"currency": "gold"}])
def test_what_is_no_zone_and_no_currency_replaces_none(over: dict[str, Any]) -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        says(box, over)
        run = import_all(box)

    assert run.status == "completed"
    tenant = run.account.tenant
    assert (tenant.timezone, tenant.currency) == ("America/Chicago", "USD")


def booking(**over: Any) -> AppointmentRecord:
    """What is read of a booking in New York."""
    payload = {
        "id": 1,
        "firstName": "Ivy",
        "lastName": "Kent",
        "phone": "2125550107",
        "email": "",
        "datetime": "2025-05-12T09:00:00-0400",
        "calendarTimezone": "America/New_York",
        "duration": "60",
        "price": "50.00",
        "paid": "yes",
        "amountPaid": "50.00",
        "canceled": False,
        **over,
    }
    (row,) = listing.decode(json.dumps([payload]).encode())
    return parse_appointment(row, Identity(timezone="Europe/Berlin"))


NINE = datetime(2025, 5, 12, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("over", "field", "expected"),
    [
        ({"notes": False}, "notes", ""),
        ({"notes": []}, "notes", ""),
        ({"certificate": False}, "certificate", ""),
        ({"notes": {"a": 1}}, "notes", '{"a":1}'),
        ({"noShow": None}, "no_show", False),
        ({"noShow": "Yes"}, "no_show", True),
        ({"paid": True}, "paid", True),
        ({"paid": 1}, "paid", True),
        ({"paid": "settled"}, "paid", False),
        ({"canceled": 1}, "canceled", True),
        ({"canceled": "NO"}, "canceled", False),
        ({"datetime": "2025-05-12T09:00:00"}, "starts_at", NINE),
        ({"datetime": "2025-05-12 15:00:00", "calendarTimezone": None}, "starts_at", NINE),
        ({"duration": "60.0"}, "ends_at", NINE + timedelta(hours=1)),
        ({"duration": 60.0}, "ends_at", NINE + timedelta(hours=1)),
        ({"price": "1,234.50"}, "price", Decimal("1234.50")),
        ({"price": "$50.00"}, "price", Decimal("50.00")),
        ({"price": 29.95}, "price", Decimal("29.95")),
        ({"forms": {"1": {"id": 1, "values": {"0": {"id": 2}}}}}, "forms", b'[{"id":1,"values":[{"id":2}]}]'),
        ({"forms": False}, "forms", b"[]"),
        ({"labels": {"2": {"id": 3}}}, "labels", b'[{"id":3}]'),
        ({"labels": None}, "labels", b"[]"),
    ],
)  # fmt: skip
def test_a_value_in_other_words_costs_nothing(
    over: dict[str, Any], field: str, expected: Any
) -> None:
    found = getattr(booking(**over), field)

    assert (bytes(found) if isinstance(expected, bytes) else found) == expected


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234.50", "1234.50"),
        ("1.234,50 €", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1’234.50 CHF", "1234.50"),
        ("1,234", "1234.00"),
        ("1,234,567.80", "1234567.80"),
        ("12,50", "12.50"),
        ("$50.00", "50.00"),
        ("US$ 50", "50.00"),
        ("-$5.00", "-5.00"),
        ("(5.00)", "-5.00"),
        ("29.949999999999999", "29.95"),
        ("0.30000000000000004", "0.30"),
        ("", "0.00"),
    ],
)
def test_an_amount_is_read_in_any_dress(written: str, amount: str) -> None:
    assert money(written, "price") == Decimal(amount)


@pytest.mark.parametrize(
    ("written", "places", "amount", "other"),
    [
        ("12.505", 3, "12.505", "12505"),
        ("KWD 12.505", 3, "12.505", "12505"),
        ("1,234", 3, "1234", "1.234"),
        ("1,234.505", 3, "1234.505", None),
        ("3.750", 3, "3.75", "3750"),
        ("1,23", 3, "1.23", None),
        ("1,234", 2, "1234", None),
    ],
)
def test_the_currency_says_how_many_decimals_there_are(
    written: str, places: int, amount: str, other: str | None
) -> None:
    assert money(written, "price", places) == Decimal(amount)
    assert other_reading(written, places) == (other and Decimal(other))


@pytest.mark.parametrize("written", ["twelve", "$", "1,23,4", "12.345", "1.2.3,4.5", "5)", "NaN"])
def test_what_is_no_amount_is_rejected_and_never_guessed(written: str) -> None:
    with pytest.raises(Reject):
        money(written, "price")


def test_a_listing_may_be_an_object_with_numbers_for_keys() -> None:
    rows = listing.decode(b'{"0":{"id":1},"1":{"id":2}}')

    assert [row.key for row in rows] == ["1", "2"]
    assert listing.split(b'{"7": {"firstName":"Ada"}}') == [b'{"firstName":"Ada"}']


CASH = {"transactionID": "", "processor": "cash", "amount": "20.00"}


@pytest.mark.parametrize("created", ["0000-00-00 00:00:00", "", None, "yesterday"])
def test_a_payment_without_a_date_is_one_of_its_booking(created: Any) -> None:
    (record,) = parse_payments([CASH | {"created": created}], "UTC", NINE).records

    assert (record.amount, record.processor, record.paid_at) == (Decimal(20), "cash", NINE)


def test_a_payments_time_without_offset_is_the_accounts() -> None:
    rows = {"0": CASH | {"created": "2025-05-12 09:00:00"}}

    assert parse_payments(rows, "America/New_York").records[0].paid_at == NINE


@pytest.mark.long
def test_a_payment_that_cannot_be_read_takes_no_other_along() -> None:
    data = small()
    number = int(paid(data))
    good = CASH | {"created": "2025-05-12T09:00:00-0400"}
    data.edit(number, paid="yes", amountPaid="20.00", payments=[good, good | {"amount": "many"}])

    with source(data) as box:
        run = import_all(box)

    assert run.status == "completed_with_gaps"
    assert Payment.objects.get(appointment__external_id=number).amount == Decimal(20)
    assert run.rejects.get().external_id == str(number)


@pytest.mark.parametrize(
    ("region", "phone", "expected"),
    [
        ("GB", "07700 900123", "+447700900123"),
        ("GB", "+44 7700 900123", "+447700900123"),
        ("GB", "447700900123", "+447700900123"),
        ("US", "447700900123", "+447700900123"),
        ("US", "2125550107.0", "+12125550107"),
        ("US", "12125550107.0", "+12125550107"),
        ("US", "(212) 555-0107", "+12125550107"),
        ("DE", "030 901820", "+4930901820"),
        ("DE", "4930901820", "+4930901820"),
    ],
)
def test_a_phone_is_read_in_the_accounts_country(region: str, phone: str, expected: str) -> None:
    assert phone_key(phone, region) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José Peña", "Jose\u0301 Pen\u0303a"),
        ("Zora", "Zora\u200b"),
        ("O'Brien", "O\u2019Brien"),
        ("Ann-Marie", "Ann\u2011Marie"),
        ("Weiß", "WEISS"),
        ("Ada", "\uff21da"),
    ],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Europe/London", "GB"), ("America/Chicago", "US"), ("London", "GB"), ("US/Eastern", "US")],
)
def test_the_zone_tells_the_country(zone: str, expected: str) -> None:
    assert country(zone) == expected


@pytest.mark.long
def test_one_person_in_three_spellings_of_a_british_number_is_one_client() -> None:
    data = small()
    row = data.appointments[0]
    data.edit(row["id"], firstName="Ivy", lastName="Kent", phone="447700900123")
    ivy = {"firstName": "Ivy", "lastName": "Kent", "email": "", "notes": ""}
    data.clients += [ivy | {"phone": "07700 900123"}, ivy | {"phone": "+44 7700 900123"}]
    with source(data) as box:
        says(box, {"country": "GB", "clientsDistinctByPhone": True})
        import_all(box)

    assert Client.objects.get(first_name="Ivy", last_name="Kent").appointments.count() == 1
