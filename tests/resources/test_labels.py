"""Do labels come in whole, and does a source that lies about them stay unproven?"""

import pytest

from bookings.models import Label
from integrations.acuity.sandbox import Sandbox
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]


def test_every_label_is_stored_with_its_colour(box: Sandbox) -> None:
    run = import_all(box, only=("labels",))

    rows = Label.objects.values_list("external_id", "name", "color")
    assert set(rows) == {
        ("240001", "Confirmed", "yellow"),
        ("240002", "Checked In", "green"),
        ("240003", "Completed", "pink"),
    }
    assert (run.status, run.scope["labels"]["listed"]) == ("completed", 3)


def test_a_renamed_label_is_one_update(box: Sandbox) -> None:
    import_all(box, only=("labels",))
    box.account.lists["labels"][0]["name"] = "Arrived"

    step = import_all(box, only=("labels",)).steps.get(resource="labels")

    assert (step.updated, step.unchanged) == (1, 2)
    assert Label.objects.filter(name="Arrived").count() == 1


def test_a_list_that_shrinks_by_more_than_half_is_not_believed(box: Sandbox) -> None:
    import_all(box, only=("labels",))
    box.options.list_caps = {"labels": 1}

    run = import_all(box, only=("labels",))

    assert (run.verified, run.scope["labels"]["verified"]) == (False, False)
    assert Label.objects.filter(removed_at=None).count() == 3
