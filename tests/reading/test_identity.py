"""Who is one client? Keys as a table, without a database."""

import json
from typing import Any

import pytest

from integrations.acuity.reading.identity import Identity, fold, phone_key
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import Reject

ADA = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "Ada@Example.com",
    "phone": "(212) 555-0107",
}


def keys(identity: Identity, **over: Any) -> tuple[str, str]:
    return identity.keys(ADA | over)


def test_a_key_is_name_and_phone_or_name_and_e_mail_or_name_alone() -> None:
    by_phone, by_name = Identity(), Identity(by_phone=False)

    assert keys(by_phone) == ("ada|lovelace|+12125550107", "ada|lovelace")
    assert keys(by_phone, phone="") == ("ada|lovelace|ada@example.com", "ada|lovelace")
    assert keys(by_phone, phone="", email="") == ("ada|lovelace|", "ada|lovelace")
    assert keys(by_name) == ("ada|lovelace", "ada|lovelace")
    assert keys(by_name, phone="", email="") == ("ada|lovelace", "ada|lovelace")


@pytest.mark.parametrize("by_phone", [True, False])
def test_who_has_no_name_is_told_by_what_reaches_them(by_phone: bool) -> None:
    identity = Identity(by_phone=by_phone)
    nobody = {"firstName": "", "lastName": " "}

    assert keys(identity, **nobody) == ("||+12125550107", "|")
    assert keys(identity, **nobody, phone=None) == ("||ada@example.com", "|")


def test_the_region_is_that_of_the_account() -> None:
    assert keys(Identity(region="GB"), phone="07700 900123")[0] == "ada|lovelace|+447700900123"
    assert keys(Identity(region="US"), phone="07700 900123")[0] != "ada|lovelace|+447700900123"


def test_an_entry_and_a_booking_of_one_person_have_one_key() -> None:
    identity = Identity()
    entry = json.dumps(ADA | {"notes": "x"}).encode()
    row = Row.of(ADA | {"id": 1, "phone": "2125550107"})

    assert identity.key_of_entry(entry) == identity.owner_of(row) == keys(identity)[0]
    assert identity.keys_of(row) == keys(identity)


def test_what_has_no_readable_name_has_no_key() -> None:
    identity = Identity()
    odd = {"firstName": {"no": "text"}}

    assert identity.key_of_entry(json.dumps(odd).encode()) == ""
    assert identity.key_of_entry(b"[]") == ""
    assert identity.owner_of(Row.of(odd | {"id": 1})) == ""
    with pytest.raises(Reject):
        identity.keys(odd)


def test_a_long_name_has_a_short_key_of_its_own() -> None:
    identity = Identity()
    long, longer = keys(identity, lastName="x" * 400), keys(identity, lastName="x" * 401)

    assert len({long[0], longer[0], long[1], longer[1]}) == 4
    assert max(map(len, [*long, *longer])) <= 200
    # A key of 200 characters is kept as it is, one more is not.
    assert keys(Identity(by_phone=False), firstName="", lastName="x" * 199)[0] == "|" + "x" * 199
    assert keys(Identity(by_phone=False), firstName="", lastName="x" * 200)[0] != "|" + "x" * 200


@pytest.mark.parametrize(
    ("region", "phone", "expected"),
    [
        ("US", "212.555.0107", "+12125550107"),
        ("US", "212-555/0107", "+12125550107"),
        ("US", "1 212 555 0107", "+12125550107"),
        ("US", "+1 (212) 555-0107", "+12125550107"),
        ("US", "2125550107.0", "+12125550107"),
        ("US", "+12125550107.0", "+12125550107"),
        ("GB", "2125550107", "+442125550107"),
        ("GB", "02079460018", "+442079460018"),
        ("US", "", ""),
        ("US", "none", ""),
        ("US", "ext. 12", "12"),
        ("US", "12.5", "125"),
        ("US", "5", "5"),
        ("US", "5.0", "5"),
        ("US", "tel: 447700900123", "447700900123"),
        ("US", "4" * 50, "4" * 40),
        ("US", "+4" + "4" * 50, "4" * 40),
        ("US", "447700900123", "+447700900123"),
        # Possible at home: it stays there, though a country begins like that.
        ("US", "1125550107", "+11125550107"),
        ("AU", "0491 570 006", "+61491570006"),
        ("AU", "61491570006", "+61491570006"),
        ("FR", "06 39 98 12 34", "+33639981234"),
        ("FR", "33639981234", "+33639981234"),
        # With a `+` of its own nobody adds another.
        ("US", "+447700900123", "+447700900123"),
    ],
)
def test_a_phone_is_one_however_it_is_written(region: str, phone: str, expected: str) -> None:
    assert phone_key(phone, region) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("  Ada   King ", "ada king"),
        ("O&#39;Brien", "o'brien"),
        ("Ren\u00e9e", "ren\u00e9e"),
        ("\u201cAda\u201d", '"ada"'),
        ("Ada\u2014King", "ada-king"),
        ("Ada\u2212King", "ada-king"),
        ("\u2764\ufe0f", "\u2764"),
        ("A\u200dda", "ada"),
        ("\u2163", "iv"),
    ],
)
def test_a_name_is_folded(name: str, expected: str) -> None:
    assert fold(name) == expected


@pytest.mark.parametrize(
    ("one", "other"), [("Ada", "Ida"), ("José", "Jose"), ("Ann-Marie", "Annmarie")]
)
def test_names_that_differ_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)
