from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLES = ("test_table.py", "test_field_reports.py", "test_one_question.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of each kind the first example runs always, the others as `-m worlds`."""
    kinds: set[tuple[str, str]] = set()
    for item in items:
        if item.path.parent != HERE or item.path.name not in TABLES:
            continue
        kind = (item.path.name, item.name.partition("[")[0])
        if kind in kinds or item.get_closest_marker("worlds"):
            item.add_marker(pytest.mark.worlds)
        kinds.add(kind)


# So that a failing assertion in there says what was compared.
pytest.register_assert_rewrite("tests.worlds.helpers")
