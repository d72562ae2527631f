from typing import Any

import pytest

# So that a failing assertion in there says what was compared.
pytest.register_assert_rewrite("tests.worlds.helpers")


@pytest.fixture(autouse=True)
def no_waiting(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
