"""Does each account get its turn: once, in its own zone, and never all together?"""

import json
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser

from bookings.models import Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import control
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.source.throttle import shared_throttle
from integrations.acuity.sync import plans
from integrations.models import AcuityAccount, ImportRun, Plan
from tests.conftest import import_all, run_to_end

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]
NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
# Requests a second that the source grants a deployment, and that it takes: in a test ten times Acuity's.
RATE = 100
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def planned(account: AcuityAccount, **columns: Any) -> Plan:
    """A plan that is as old as noon."""
    plan = plans.set_plan(account, **columns)
    Plan.objects.filter(pk=plan.pk).update(created_at=NOON)
    return Plan.objects.get(pk=plan.pk)


def begun(until: datetime, since: datetime = NOON) -> list[tuple[datetime, ImportRun]]:
    """What a tick each minute begins; each run is over at once."""
    found, now = [], since
    while now < until:
        for run in plans.begin_due(now):
            ImportRun.objects.filter(pk=run.pk).update(status="completed")
            found.append((now, run))
        now += MINUTE
    return found


@pytest.fixture
def studio() -> AcuityAccount:
    tenant = Tenant.objects.create(name="Example Studio")
    account = AcuityAccount.objects.create(
        tenant=tenant, user_id="1", api_key="k", timezone="America/Chicago"
    )
    control.start(account, send=False)
    account.runs.update(status="completed")
    return account


@pytest.fixture(autouse=True)
def unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is here to take what is sent."""
    monkeypatch.setattr("integrations.acuity.runs.messages.send_chain", lambda run: None)


@pytest.mark.long
def test_each_hour_a_pass_and_each_night_an_audit(studio: AcuityAccount) -> None:
    planned(studio)

    found = begun(NOON + 2 * DAY)

    kinds = Counter(run.kind for _, run in found)
    assert kinds == {"pass": 48, "audit": 2}
    at_night = [at.astimezone(plans._zone(studio.plan)) for at, run in found if run.kind == "audit"]
    assert all(time(1) <= at.time() < time(5) for at in at_night)
    assert {run.started_by for _, run in found} == {"schedule"}


@pytest.mark.long
def test_nothing_is_begun_without_a_plan_or_when_it_is_off(studio: AcuityAccount) -> None:
    assert begun(NOON + 3 * HOUR) == []
    planned(studio, hourly=False, nightly=False)
    assert begun(NOON + DAY) == []


@pytest.mark.long
def test_quiet_hours_are_the_accounts_own(studio: AcuityAccount) -> None:
    planned(studio, quiet_from=time(22), quiet_to=time(6), nightly=False)

    found = begun(NOON + DAY)

    # From 22:00 to 06:00 in Chicago it is 03:00 to 11:00 UTC in summer.
    assert len(found) == 16
    assert not [at for at, _ in found if 3 <= at.hour < 11]


def test_a_beat_that_slept_a_week_catches_up_once(studio: AcuityAccount) -> None:
    planned(studio)
    awake = NOON + 7 * DAY

    found = begun(awake + 2 * MINUTE, since=awake)

    assert [run.kind for _, run in found] == ["audit"]


@pytest.mark.long
def test_the_night_when_clocks_change_has_one_audit(studio: AcuityAccount) -> None:
    planned(studio, hourly=False, night_from=time(1, 30), night_to=time(2, 30))
    for day in (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)):
        Plan.objects.update(created_at=day, audited_at=None)
        found = begun(day + DAY, since=day)
        assert len(found) == 1, day


def test_no_turn_is_taken_while_a_run_is_active_and_then_it_is(studio: AcuityAccount) -> None:
    planned(studio, nightly=False)
    run = control.start(studio, send=False)

    assert begun(NOON + 2 * HOUR) == []

    ImportRun.objects.filter(pk=run.pk).update(status="cancelled")
    assert len(begun(NOON + 2 * HOUR + 2 * MINUTE, since=NOON + 2 * HOUR)) == 1


def test_what_was_never_imported_is_first_imported_whole(studio: AcuityAccount) -> None:
    studio.runs.update(status="failed")
    planned(studio)

    (_, run) = begun(NOON + HOUR)[0]

    assert run.kind == "import" and run.steps.filter(resource="verify").exists()


@pytest.mark.long
@pytest.mark.parametrize("asleep", [timedelta(0), 3 * DAY], ids=["on time", "after a sleep"])
def test_two_hundred_accounts_are_no_wall(asleep: timedelta) -> None:
    tenant = Tenant.objects.create(name="Example Chain")
    for n in range(200):
        account = AcuityAccount.objects.create(tenant=tenant, user_id=str(n), api_key="k")
        run = ImportRun.objects.create(account=account, status="completed")
        Plan.objects.create(account=run.account, nightly=False)
    Plan.objects.update(created_at=NOON)
    since = NOON + asleep

    found = begun(since + HOUR + MINUTE, since=since)

    minutes = Counter(at for at, _ in found)
    print(f"{len(found)} passes, largest minute {max(minutes.values())}, mean {200 / 60:.1f}")
    assert len({run.account_id for _, run in found}) == 200
    assert max(minutes.values()) <= 2 * 200 / 60 + 1


@pytest.mark.sandbox(appointments=4, clients=2, months=1, rps=RATE)
@pytest.mark.parametrize(
    "many",
    [
        pytest.param(8, marks=pytest.mark.slow),
        pytest.param(200, marks=pytest.mark.endurance),
    ],
)
def test_an_hour_of_many_accounts_is_spread_and_no_request_is_refused(
    box: Sandbox, settings: Any, many: int
) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = RATE
    shared_throttle.cache_clear()
    login = {"user_id": box.options.user_id, "api_key": box.options.api_key}
    for n in range(many):
        tenant = Tenant.objects.create(name=f"Studio {n}")
        account = AcuityAccount.objects.create(tenant=tenant, base_url=box.base_url, **login)
        ImportRun.objects.create(account=account, status="completed")
        Plan.objects.create(account=account, nightly=False)
    Plan.objects.update(created_at=NOON)
    asked: list[int] = []
    passed: list[int] = []

    for n in range(1, 61):
        begun = plans.begin_due(NOON + n * MINUTE)
        assert all(run_to_end(run).finished_at for run in begun)
        passed += [run.account_id for run in begun]
        asked.append(sum(box.counts().values()) - sum(asked))

    refused = sum(status == 429 for *_, status in box.requests)
    print(
        f"{many} accounts, {sum(asked)} requests in an hour, largest minute {max(asked)},"
        f" mean {sum(asked) / 60:.1f}, {refused} × 429"
    )
    assert len(set(passed)) == len(passed) == many
    assert refused == 0
    # So many at least that a minute's share is more than one account.
    assert many < 60 or max(asked) <= 2 * sum(asked) / 60


@pytest.mark.long
def test_a_pass_asks_for_little_and_claims_nothing(box: Sandbox, account: AcuityAccount) -> None:
    first = import_all(box)
    planned(account, nightly=False)
    box.account.add_appointment(datetime(2026, 6, 20, 9), paid="no")
    box.forget()

    (run,) = plans.begin_due(NOON + HOUR)
    run_to_end(run)

    assert run.steps.get(resource="appointments").created == 1
    assert sum(box.counts().values()) <= 15
    assert first.verified and not run.verified


def test_the_command_sets_shows_and_refuses(studio: AcuityAccount, capsys: Any) -> None:
    words = ["--hourly", "--quiet", "22:00-06:00", "--nights", "5", "--json"]
    call_command("acuity_schedule", "--account", str(studio.pk), *words)

    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert (plan["hourly"], plan["nightly"], plan["quiet"]) == (True, False, "22:00-06:00")
    assert plan["nights"] == 5 and plan["next"]

    call_command("acuity_schedule", "--account", str(studio.pk), "--off")
    assert Plan.objects.get().hourly is False
    assert "22:00-06:00" in capsys.readouterr().out


def test_one_click_on_the_run_page_keeps_an_account_in_step(
    studio: AcuityAccount, client: Browser
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    page = f"/admin/integrations/importrun/{studio.runs.get().pk}"
    assert "Keep in step" in client.get(f"{page}/change/").content.decode()

    client.post(f"{page}/do/plan/")

    shown = client.get(f"{page}/change/").content.decode()
    assert "hourly pass, nightly audit 01:00-05:00" in shown
    assert "Keep in step" not in shown


def test_half_a_quiet_hour_is_refused_in_a_sentence(studio: AcuityAccount, client: Browser) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    form = {"account": studio.pk, "night_from": "1:00", "night_to": "5:00", "nights": 7}

    answer = client.post("/admin/integrations/plan/add/", form | {"quiet_from": "22:00"})

    assert "Quiet hours need a beginning and an end" in answer.content.decode()


def test_a_night_in_the_quiet_hours_is_said_to_come_when_it_comes(studio: AcuityAccount) -> None:
    for quiet in ((time(0), time(6)), (time(22), time(6, 30))):
        plan = planned(studio, hourly=False, quiet_from=quiet[0], quiet_to=quiet[1])

        said = plans.following(plan, NOON)
        due = next(NOON + n * MINUTE for n in range(3000) if plans.due(plan, NOON + n * MINUTE))

        assert said == due, quiet


def test_an_account_that_was_disconnected_is_left_alone(studio: AcuityAccount) -> None:
    planned(studio)
    AcuityAccount.objects.update(api_key="")

    assert begun(NOON + 3 * HOUR + MINUTE, since=NOON + 3 * HOUR) == []
    assert plans.following(Plan.objects.get(), NOON) is None

    AcuityAccount.objects.update(oauth_token="token")
    assert len(begun(NOON + 3 * HOUR + MINUTE, since=NOON + 3 * HOUR)) == 1


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["acuity_schedule", "--night", "none"], "must be like 22:00-06:00"),
        (["acuity_schedule", "--off", "--hourly"], "Either --off, or"),
        (["acuity_schedule", "--allowance", "0"], "allowance"),
        (["acuity_changes", "--since", "2026-13-01"], "neither a run's ID nor a day"),
        (["acuity_changes", "--since", "0001-01-01"], "neither a run's ID nor a day"),
        (["acuity_changes", "--since", "yesterday"], "neither a run's ID nor a day"),
        (["acuity_changes", "--since", "2026-W20-1"], "neither a run's ID nor a day"),
    ],
)
def test_odd_arguments_are_refused_in_a_sentence(
    studio: AcuityAccount, args: list[str], word: str
) -> None:
    Tenant.objects.update(timezone="Asia/Tokyo")
    options = ["--account", str(studio.pk)] if args[0] == "acuity_schedule" else []

    with pytest.raises(ConfigurationError, match=word):
        call_command(*args, *options)
