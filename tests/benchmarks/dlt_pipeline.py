"""The same records through dlt's rest_api source, in an environment of its own.

    python dlt_pipeline.py BASE_URL sqlite:///FILE|postgresql://…

As its best user would run it: Parquet through ADBC, resources extracted beside each other, nested data
kept as JSON, appointments merged by ID. Acuity has no pages that rest_api's paginators know, so a
paginator of our own walks by day. Nothing is compared afterwards and nothing can be resumed within a
listing.
"""

import sys
from datetime import date, timedelta
from typing import Any

import dlt
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_source

LIMIT = 1000


class ByDay(BasePaginator):
    """The next page begins on the day before the last record's, for days begin in another zone than
    the record's; merging by ID drops what comes twice."""

    def __init__(self) -> None:
        super().__init__()
        self.day = ""

    def init_request(self, request: Any) -> None:
        request.params = {**(request.params or {}), "minDate": "1970-01-01"}

    def update_state(self, response: Any, data: Any = None) -> None:
        rows = data or []
        last = self.day
        if rows:
            on = date.fromisoformat(rows[-1]["datetime"][:10])
            last = (on - timedelta(days=1)).isoformat()
        self._has_next_page = last != self.day
        self.day = last

    def update_request(self, request: Any) -> None:
        request.params = {**(request.params or {}), "minDate": self.day}


def main(base_url: str, target: str) -> None:
    source = rest_api_source(
        {
            "client": {
                "base_url": base_url + "/",
                "auth": {"type": "http_basic", "username": "10000001", "password": "sandbox-key"},
            },
            "resource_defaults": {"max_table_nesting": 0, "parallelized": True},
            "resources": [
                {"name": "clients", "endpoint": {"path": "clients", "paginator": "single_page"}},
                {
                    "name": "appointments",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "appointments",
                        "params": {"max": LIMIT, "direction": "ASC", "showall": "true"},
                        "paginator": ByDay(),
                    },
                },
            ],
        }
    )
    destination = (
        dlt.destinations.sqlalchemy(credentials=target)
        if target.startswith("sqlite")
        else dlt.destinations.postgres(credentials=target)
    )
    pipeline = dlt.pipeline(
        "acuity", destination=destination, dataset_name="acuity_dlt", pipelines_dir=sys.argv[3]
    )
    pipeline.run(source, loader_file_format="parquet")
    with pipeline.sql_client() as client:
        sums = client.execute_sql(
            "SELECT count(*), sum(CAST(price AS DECIMAL(12, 2))) FROM appointments"
        )
        clients = client.execute_sql("SELECT count(*) FROM clients")
    print(*(sums or [])[0], *(clients or [])[0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
