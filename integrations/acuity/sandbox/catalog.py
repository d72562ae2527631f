"""What does the sandbox business offer: owner, calendars, types, add-ons, forms, labels?"""

from typing import Any

Json = dict[str, Any]

OWNER = 10000001
# A key that only the sandbox knows: the row is shown on request only.
HIDDEN = "-deleted"
LABELS: list[Json] = [
    {"id": 240002, "name": "Checked In", "color": "green"},
    {"id": 240003, "name": "Completed", "color": "pink"},
    {"id": 240001, "name": "Confirmed", "color": "yellow"},
]
ADDONS: list[Json] = [
    {
        "id": 820001,
        "name": "Gloss",
        "duration": 15,
        "price": "15.00",
        "private": False,
        "active": True,
    },
    {
        "id": 820002,
        "name": "Scalp massage",
        "duration": 0,
        "price": "10.00",
        "private": False,
        "active": True,
    },
]
META: Json = {"hooks": ["192.0.2.10/32", "198.51.100.20/32"]}
_FIELDS = [
    (7100001, "How did you hear about us?", False, "textbox"),
    (7100002, "Allergies", False, "textarea"),
    (7100004, "I agree to the policy", True, "checkbox"),
]
FORMS: list[Json] = [
    {
        "id": 700001,
        "name": "New guest",
        "description": "",
        "hidden": False,
        "appointmentTypeIDs": [5100001],
        "fields": [{"id": i, "name": n, "required": r, "type": t} for i, n, r, t in _FIELDS]
        + [
            {
                "id": 7100003,
                "name": "Interested in",
                "required": False,
                "type": "checkboxlist",
                "options": ["Balayage", "Gloss", "Cut"],
            }
        ],
    }
]


def me(timezone: str) -> Json:
    return {
        "expires": "2026-06-22 13:59:19",
        "id": OWNER,
        "owner": OWNER,
        "email": "owner@example.com",
        "timezone": timezone,
        "country": "US",
        "firstDayOfWeek": 0,
        "timeFormat": "ampm",
        "dateFormat": "%B %e, %Y",
        "currency": "USD",
        "currencyLabel": "US Dollar (USD)",
        "schedulingPage": f"https://app.acuityscheduling.com/schedule.php?owner={OWNER}",
        "ownerKey": "0a1b2c3d",
        "accentColor": "#5fb8b9",
        "plan": "Premium",
        "accountLanguage": "en_US",
        "planCapabilities": {
            "is_public": True,
            "can_send_sms": True,
            "can_use_api": False,
            "can_use_packages": True,
            "is_legacy": False,
        },
        "name": "Example Studio",
        "description": "",
        "adminEmail": "owner@example.com",
        "isHIPAA": False,
        "accountType": "admin",
        "calendarLimit": 6,
        "maxCalendars": 6,
        "isTrial": False,
        "isIntegratedSquarespace": True,
        "created": "2023-06-01T10:00:00-0500",
        "industry": None,
        "cardPayments": True,
        "enableTipping": False,
        "clientsDistinctByPhone": False,
        "firstName": "Olive",
        "lastName": "Owner",
        "displayName": "Olive Owner",
        "hasExpired": False,
    }


def _calendar(number: int, name: str, timezone: str) -> Json:
    return {
        "id": 4100000 + number,
        "name": name,
        "email": "",
        "replyTo": "owner@example.com",
        "description": "",
        "location": "1 Sample Street" if number == 1 else "",
        "timezone": timezone,
        "thumbnail": False,
        "image": False,
        "isValid": True,
    }


def calendars(timezone: str) -> list[Json]:
    return [
        _calendar(1, "North chair", timezone),
        _calendar(2, "Studio", timezone),
        _calendar(3, "South chair", timezone),
        _calendar(4, "Visiting stylist", "America/New_York"),
    ]


def deleted_calendar(timezone: str) -> Json:
    """Still named on old appointments; no longer in the list of calendars."""
    return _calendar(9, "Former chair", timezone)


def _type(number: int, name: str, minutes: int, price: str, category: str, on: list[int]) -> Json:
    return {
        "id": 5100000 + number,
        "name": name,
        "active": True,
        "description": "",
        "duration": minutes,
        "price": price,
        "category": category,
        "color": "#ED7087",
        "private": False,
        "type": "service",
        "image": "",
        "classSize": None,
        "paddingAfter": 0,
        "paddingBefore": 0,
        "calendarIDs": on,
        "addonIDs": [],
        "formIDs": [],
        "schedulingUrl": f"https://app.acuityscheduling.com/schedule.php?owner={OWNER}"
        f"&appointmentType={5100000 + number}",
    }


def appointment_types() -> list[Json]:
    """Six types: the third is a class, the last is deleted."""
    chairs = [4100001, 4100003, 4100004]
    types = [
        _type(1, "Cut & style", 60, "85.00", "Hair", chairs),
        _type(2, "Colour", 90, "120.00", "Hair", chairs),
        _type(3, "Styling class", 60, "20.00", "Classes", [4100002]),
        _type(4, "Consultation ", 30, "45.00", "", chairs),
        _type(5, "Bridal", 150, "180.00", "Events", chairs),
        _type(6, "Old service", 30, "40.00", "", []),
    ]
    types[0]["formIDs"] = [700001]
    types[1]["addonIDs"] = [820001]
    types[2].update(type="class", classSize=8)
    types[5].update(active=False, private=True)
    return types
