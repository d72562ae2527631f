"""What may a proof cost? A few requests beside an import's own, and nothing twice for its own sake."""

from collections import Counter

import pytest

from integrations.acuity.resources import RESOURCES
from integrations.acuity.sandbox import make_account
from tests.conftest import import_all, source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MOST = 25


def test_a_proof_costs_few_requests_beside_the_import_and_an_unchanged_account_few_in_all() -> None:
    """The demo account without its payments: their proof is their own reading, and costs nothing."""
    only = tuple(name for name in RESOURCES if name != "payments")
    with source(make_account()) as box:
        first = import_all(box, only=only)
        asked = Counter((path, *sorted(query.items())) for _, path, query, _ in box.requests)
        box.forget()
        second = import_all(box, only=only)
        again = len(box.requests)

    assert first.verified and first.steps.get(resource="verify").requests <= MOST
    # Nothing is asked three times but the list of clients, which a proof reads twice by itself.
    assert {path for (path, *_), n in asked.items() if n > 2} <= {"/clients"}
    assert second.verified and again <= MOST
