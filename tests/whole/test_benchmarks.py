"""Do the contestants of `make bench` still fit the tables, and does it see who has lost a booking?"""

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import Sums
from tests.benchmarks.straight_line import to_sqlite
from tests.conftest import small, source
from tests.services import migrated

pytestmark = pytest.mark.slow


def test_the_straight_line_has_every_booking_and_a_lost_one_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "line.sqlite3"
    shutil.copy(migrated(), path)
    with source(small()) as box:
        truth = Sums.of_sandbox(box.base_url)
        to_sqlite(str(path), box.base_url)

    stored = Sums.stored(f"sqlite:///{path}")
    assert stored == truth and truth.bookings == 300
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM bookings_appointment WHERE id = 7")
    with pytest.raises(SystemExit, match=r"has Sums\(bookings=299"):
        truth.same(Sums.stored(f"sqlite:///{path}"), "it")
