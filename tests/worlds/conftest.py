from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_waiting(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
