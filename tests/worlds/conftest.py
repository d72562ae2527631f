from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an invented world judges runs by itself, as `-m worlds`; the judge's own tests always."""
    for item in items:
        if HERE in item.path.parents and item.path.name != "test_judge.py":
            item.add_marker(pytest.mark.worlds)


# So that a failing assertion in there says what was compared.
pytest.register_assert_rewrite("tests.worlds.helpers")
