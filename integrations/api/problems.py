"""How is a refusal said? As problem details (RFC 9457): one sentence that says what to do."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

CONTENT = "application/problem+json"


class Problem(Schema):
    type: str
    title: str
    status: int
    detail: str


class ProblemWithRun(Problem):
    """409: the run that is active already."""

    run_id: str


def problem(status: int, detail: str, **more: Any) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    response = JsonResponse(body | more, status=status, content_type=CONTENT)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def install(api: NinjaAPI) -> None:
    """Every error of the API is a problem."""

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        first = error.errors[0]
        where = ".".join(str(part) for part in first["loc"][1:] if part != "data")
        return problem(422, f"{where or 'The request'}: {first['msg']}.")

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401, "Send a valid token: Authorization: Bearer …, or log in as staff.")

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404, "There is nothing here that this caller may see.")

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(error.status_code, str(error))
