"""Which imports can be started, watched and steered over HTTP? As docs/http-api.md has it."""

import re
import uuid
from datetime import date, datetime
from typing import Annotated, Any

from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Header, Query, Router, Schema
from pydantic import AfterValidator, BeforeValidator, ValidationInfo, create_model, field_validator

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Period
from integrations.acuity.runs import control, progress, results
from integrations.acuity.runs.options import Options
from integrations.api.problems import A_DAY, Problem, ProblemWithField, ProblemWithRun, problem
from integrations.api.site import api as api
from integrations.api.site import no_body
from integrations.api.tokens import Caller
from integrations.models import AcuityAccount, ImportRun

DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _known(name: str) -> str:
    if name not in RESOURCES:
        raise ValueError(f"cannot import {name!r}, choose from {', '.join(RESOURCES)}")
    return name


def _day(value: Any) -> Any:
    """Only a day as text: pydantic takes numbers and times for dates, too."""
    if value is None or (isinstance(value, str) and DAY.fullmatch(value)):
        return value
    raise ValueError(A_DAY)


Name = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(RESOURCES)})]
Day = Annotated[date, BeforeValidator(_day)]


class Start(Schema):
    """`cursor` is the ID of a run to resume; everything else is then ignored."""

    tenant_id: uuid.UUID
    cursor: uuid.UUID | None = None
    account_id: int | None = Field(None, ge=1, lt=2**63)
    min_date: Day | None = None
    max_date: Day | None = None
    only: list[Name] = Field(default=list(RESOURCES), min_length=1)

    @field_validator("max_date")
    @classmethod
    def in_order(cls, last: date | None, others: ValidationInfo) -> date | None:
        first, resumes = others.data.get("min_date"), others.data.get("cursor")
        if last and first and first > last and not resumes:
            raise ValueError(f"{last} is before min_date, {first}")
        return last


class Started(Schema):
    run_id: str
    status_url: str


class Counts(Schema):
    fetched: int
    stored: int
    created: int
    updated: int
    restated: int
    unchanged: int
    rejected: int


class Step(Schema):
    resource: str
    status: str
    offset: int
    total: int | None
    progress: str
    percent: int | None
    waiting_for: str
    not_before: datetime | None


class Facts(Schema):
    run: str
    tenant: str
    status: str
    verified: bool
    reason: str
    scope: dict[str, Any]
    ignored_parameters: list[str]
    gaps: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    requests: int
    retries: int
    throttled: int
    elapsed_s: float
    resumed: int
    created_at: datetime
    finished_at: datetime | None
    steps: list[Step]


counted: Any = dict.fromkeys(RESOURCES, (Counts, ...))
Import = create_model(
    "Import",
    __base__=Facts,
    __doc__="`run`, `tenant` and the counts are what `acuity_import --json` prints.",
    **counted,
)


class Summary(Schema):
    run: uuid.UUID = Field(alias="id")
    status: str
    verified: bool
    created_at: datetime
    finished_at: datetime | None


class Listing(Schema):
    items: list[Summary]
    count: int


class Month(Schema):
    month: str
    source: int
    stored: int


class Coverage(Schema):
    verified: bool
    months: list[Month]
    gaps: list[dict[str, Any]]


class State(Schema):
    run_id: str
    status: str


REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 404, 405), Problem)
REFUSALS[422] = ProblemWithField
POSTED = REFUSALS | {409: ProblemWithRun} | dict.fromkeys((411, 413, 415), Problem)
router = Router(tags=["imports"])


def caller(request: HttpRequest) -> Caller:
    found: Caller = request.auth  # type: ignore[attr-defined]
    return found


def find(request: HttpRequest, run_id: uuid.UUID) -> ImportRun:
    run = caller(request).runs().filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _account(request: HttpRequest, body: Start) -> AcuityAccount | None:
    """The account meant, or None if the tenant has several. Raises Http404."""
    rows = caller(request).accounts().filter(tenant_id=body.tenant_id)
    if body.account_id:
        rows = rows.filter(pk=body.account_id)
    found = list(rows[:2])
    if not found:
        raise Http404
    return found[0] if len(found) == 1 else None


def _started(run: ImportRun) -> tuple[int, Started]:
    url = reverse("acuity:import", args=[run.pk])
    return 202, Started(run_id=str(run.pk), status_url=url)


@router.post("/import", response={202: Started, **POSTED})
def start(
    request: HttpRequest,
    body: Start,
    page_limit: Annotated[int | None, Header(alias="page-limit", ge=1, le=1000)] = None,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", max_length=200, pattern=r"^[\x21-\x7e]+$"),
    ] = None,
) -> Any:
    """Start an import, or resume the one named by `cursor`. Answers at once; the work is queued.

    With an `Idempotency-Key`, sending the same request again answers with the same run.
    """
    if body.cursor:
        run = find(request, body.cursor)
        if str(run.account.tenant_id) != str(body.tenant_id):
            raise Http404
        if not caller(request).may("run", body.tenant_id):
            return _may_not("resume")
        with caller(request).acting():
            return _resume(request, run)
    account = _account(request, body)
    if not caller(request).may("run", body.tenant_id):
        return _may_not("start")
    if account is None:
        return problem(
            422,
            "account_id: this tenant has several Acuity accounts, name one of them.",
            field="account_id",
        )
    if idempotency_key and (known := account.runs.filter(idempotency_key=idempotency_key).first()):
        return _started(known)
    try:
        with transaction.atomic(), caller(request).acting():
            run = control.start(
                account,
                Options(
                    Period(body.min_date, body.max_date),
                    page_limit,
                    tuple(dict.fromkeys(body.only)),
                ),
                idempotency_key=idempotency_key,
                by=caller(request).kind,
            )
    except ConfigurationError as error:
        return problem(422, str(error), field="body")
    except control.ActiveRun as active:
        return problem(409, str(active), run_id=str(active.run.pk))
    except IntegrityError:
        return _started(account.runs.get(idempotency_key=idempotency_key))
    return _started(run)


def _resume(request: HttpRequest, run: ImportRun) -> Any:
    try:
        control.steer(run, "resume", by=caller(request).kind)
    except control.NothingToDo as error:
        return problem(409, str(error), run_id=str(run.pk))
    return _started(run)


@router.get("/imports", response={200: Listing, **REFUSALS})
def imports(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Any:
    """The newest runs first."""
    rows = caller(request).runs().order_by("-created_at", "pk")
    return {"items": list(rows[offset : offset + limit]), "count": rows.count()}


@router.get("/imports/{uuid:run_id}", response={200: Import, **REFUSALS}, url_name="import")
def status(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """How far a run is, and what it has done."""
    run = find(request, run_id)
    steps = [
        Step(
            resource=step.resource,
            status=step.status,
            offset=step.offset,
            total=step.total,
            progress=(shown := progress.of(step)).text,
            percent=shown.percent,
            waiting_for=step.waiting_for,
            not_before=step.not_before,
        )
        for step in run.steps.all()
    ]
    return results.result(run).as_json() | {
        "reason": run.reason,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "steps": steps,
    }


@router.get("/imports/{uuid:run_id}/coverage", response={200: Coverage, **REFUSALS})
def coverage(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Month by month, what Acuity lists and what is stored."""
    run = find(request, run_id)
    months = [{"month": m, "source": a, "stored": b} for m, (a, b) in sorted(run.coverage.items())]
    return {"verified": run.verified, "months": months, "gaps": run.gaps}


@router.post("/imports/{uuid:run_id}/pause", response={200: State, **POSTED})
def pause(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Stop after the current page. Pressing twice does no harm."""
    return _act(request, run_id, "pause")


@router.post("/imports/{uuid:run_id}/resume", response={200: State, **POSTED})
def resume(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Go on at the checkpoint."""
    return _act(request, run_id, "resume")


@router.post("/imports/{uuid:run_id}/cancel", response={200: State, **POSTED})
def cancel(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Stop for good after the current page. What was imported stays."""
    return _act(request, run_id, "cancel")


def _act(request: HttpRequest, run_id: uuid.UUID, what: str) -> Any:
    no_body(request)
    run = find(request, run_id)
    if not caller(request).may("cancel" if what == "cancel" else "run", run.account.tenant_id):
        return _may_not(what)
    try:
        with caller(request).acting():
            control.steer(run, what, by=caller(request).kind)
    except control.NothingToDo as error:
        return problem(409, str(error), run_id=str(run.pk))
    return {"run_id": str(run.pk), "status": run.status}


def _may_not(what: str) -> HttpResponse:
    return problem(403, f"This needs the role and the permission to {what} imports.")


api.add_router("/integrations/booking/acuity", router)
