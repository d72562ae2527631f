"""Does Flower show every page window of a run, in words, and nothing that is nobody's business?"""

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.commands.test_commands import ROOT, environment, query
from tests.runs.test_stalls import Place, ended, place  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.sandbox(latency=0.03)]
LOGIN = ("watcher", "secret")
SENTENCES = [
    r"account: name, zone and currency read",
    r"client entries [\d,]+–[\d,]+ of [\d,]+: [\d,]+ clients?, [\d,]+ new",
    r"payment lists [\d,]+–[\d,]+ of [\d,]+: [\d,]+ payments?(, [\d,]+ new)?",
    r"(?!clients|payments)[a-z ]+ [\d,]+–[\d,]+ of [\d,]+(: [\d,]+ (new|unchanged).*)?",
    r"[a-z ]+: ([\d,]+ listed|no more of them)",
    r"verification: \d{4}-\d\d( to \d{4}-\d\d)? compared, [\d,]+ alike",
    r"verification: [a-z, ]+ compared",
    r"nothing to do: .*",
]
# Every page a window of its own.
SHORT = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
from integrations.acuity.runs import window
window.WINDOW_SECONDS = 0.0
"""


@pytest.fixture
def flower(place: Place) -> Iterator[str]:  # noqa: F811
    port = 5600 + os.getpid() % 300
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "config",
            "flower",
            "--address=127.0.0.1",
            f"--port={port}",
            "--read_only",
            "--tasks_columns=name,state,runtime,result,kwargs,received,worker",
            f"--basic_auth={':'.join(LOGIN)}",
        ],
        cwd=ROOT,
        env=environment(place.folder, **place.shared),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            requests.get(url, timeout=1)
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(20)


def test_flower_lists_every_page_window_with_its_offset(place: Place, flower: str) -> None:  # noqa: F811
    place.worker(before=SHORT)
    time.sleep(3)
    run = place.start_import("--page-limit", "20")
    place.wait(ended)
    time.sleep(2)

    tasks = requests.get(f"{flower}/api/tasks", auth=LOGIN, timeout=10).json().values()
    newest = sorted(tasks, key=lambda task: task["received"] or 0, reverse=True)
    # Fifteen rows fit the page: they are of the run, none is a sweep that found nothing.
    assert len(newest) >= 15 and all(run in (task["kwargs"] or "") for task in newest[:15])
    windows = [task for task in tasks if f"'run': '{run}', 'step'" in (task["kwargs"] or "")]
    for task in windows:
        kwargs = ast.literal_eval(task["kwargs"])
        sized = {"limit"} if kwargs["step"] == "appointments" else set()
        assert set(kwargs) == {"run", "step", "offset"} | sized
    shown = {
        (task["name"].removeprefix("acuity.import_"), ast.literal_eval(task["kwargs"])["offset"])
        for task in windows
    }
    pages = query(place.folder, "SELECT resource, offset FROM integrations_pagefetch")
    listed = {
        (name, offset) for name, offset in pages if name in ("clients", "appointments", "payments")
    }
    assert listed <= shown
    texts = [
        str(task["result"]) for task in windows if task["name"] == "acuity.import_appointments"
    ]
    assert any(text.startswith("'appointments 20–40 of ") for text in texts), texts
    assert any(text.endswith(": 20 new'") for text in texts), texts
    for task in windows:
        assert any(re.fullmatch(shape, str(task["result"]).strip("'")) for shape in SENTENCES), task
    search = {
        "draw": 1,
        "start": 0,
        "length": 500,
        "order[0][column]": 0,
        "order[0][dir]": "asc",
        "columns[0][data]": "name",
    }
    for words in (run, run[:8], f"kwargs:run={run}"):
        answer = requests.get(
            f"{flower}/tasks/datatable",
            params=search | {"search[value]": words},
            auth=LOGIN,
            timeout=10,
        ).json()
        assert answer["recordsFiltered"] >= len(windows), words
    everything = str(list(tasks))
    assert "example.com" not in everything and "sandbox-key" not in everything
    assert requests.get(f"{flower}/api/tasks", timeout=10).status_code == 401
    refused = requests.post(f"{flower}/api/worker/shutdown/x", auth=LOGIN, timeout=10)
    assert refused.status_code in (403, 404, 405)
    if folder := os.environ.get("SCREENSHOTS"):
        photograph(flower, run, Path(folder))


def photograph(flower: str, run: str, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        credentials: Any = {"username": LOGIN[0], "password": LOGIN[1]}
        page = browser.new_context(
            http_credentials=credentials, viewport={"width": 1280, "height": 800}
        ).new_page()
        page.goto(f"{flower}/tasks")
        page.fill("input[type=search]", f"kwargs:run={run} result:new")
        page.wait_for_timeout(2000)
        page.screenshot(path=folder / "flower.png")
        browser.close()
