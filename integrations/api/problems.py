"""How is a refusal said? As problem details (RFC 9457): one sentence that says what to do."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

CONTENT = "application/problem+json"
OURS = re.compile(r"/(integrations|api)(/|$)")
# What a refusal without words of its own means; the same words describe it in the OpenAPI.
MEANINGS = {
    400: "The request is broken: its body is not JSON, or its host or headers are not valid.",
    401: "Send a valid token (Authorization: Bearer …), or log in as staff.",
    403: "This session lacks the permission, or sent no CSRF token.",
    404: "There is nothing here that this caller may see.",
    405: "This address does not take this method: Allow says which ones it takes.",
    409: "The state of a run, named by run_id, stands in the way.",
    411: "Send the body in one piece, with its Content-Length.",
    413: "The body is too long.",
    415: "Send the body as Content-Type: application/json.",
    422: "A value is missing or not valid: field names it.",
    500: "This went wrong on the server; its log says why.",
}


A_DAY = "this must be a day like 2025-10-31, in quotes"
# The kinds of pydantic's errors, by how their names begin, in plain words.
KINDS = {
    "missing": "this is required",
    "date": A_DAY,
    "uuid": "this must be an ID like 9299a4da-88d1-4389-9d5d-3767acd0ebd9",
    "int": "this must be a whole number",
    "greater_than_equal": "this must be at least {ge}",
    "less_than_equal": "this must be at most {le}",
    "less_than": "this must be less than {lt}",
    "too_short": "name at least {min_length}",
    "list": "this must be a list",
    "string_too_long": "this must have at most {max_length} characters",
    "string_pattern": "this has a character that is not allowed",
    "string_type": "this must be text",
    "model": "this must be a JSON object",
}


def _plainly(error: dict[str, Any]) -> str:
    """What is wrong with a value, without a full stop."""
    kind = str(error.get("type", ""))
    for begins, sentence in KINDS.items():
        if kind.startswith(begins):
            return sentence.format_map(error.get("ctx", {}))
    return str(error["msg"]).removeprefix("Value error, ")


class WrongToken(AuthenticationError):
    """Whoever sends a token means to use it: a session doesn't stand in for a wrong one."""


class Problem(Schema):
    type: str
    title: str
    status: int
    detail: str


class ProblemWithRun(Problem):
    """409: the run that stands in the way."""

    run_id: str


class ProblemWithField(Problem):
    """422: the field, header or parameter at fault."""

    field: str


def problem(
    status: int, detail: str = "", *, challenge: str = "Bearer", **more: Any
) -> HttpResponse:
    title = HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail or MEANINGS.get(status, f"{title}."),
    }
    response = JsonResponse(body | more, status=status, content_type=CONTENT)
    if status == 401:
        response["WWW-Authenticate"] = challenge
    return response


class ProblemsOnly:
    """What Django itself refuses below our addresses, it refuses with a page: here it is a problem.

    First in MIDDLEWARE, so that it hears of every refusal, with DEBUG and without.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "Transfer-Encoding" in request.headers and OURS.match(request.path_info):
            # To Django under WSGI a body of unknown length is none.
            return problem(411)
        page = self.get_response(request)
        refused = page.status_code >= 400 and OURS.match(request.path_info)
        if not refused or page.get("Content-Type") == CONTENT:
            return page
        answer = problem(page.status_code)
        for name, value in page.items():
            if not name.lower().startswith("content-"):
                answer[name] = value
        answer.cookies = page.cookies
        return answer


def install(api: NinjaAPI) -> None:
    """Every error of the API is a problem."""

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        first = error.errors[0]
        source, *inner = (str(part) for part in first["loc"])
        if source == "body":
            inner = inner[1:]  # the name of the view's own argument
        field = ".".join(inner) or source
        return problem(422, f"{field}: {_plainly(first)}.", field=field)

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401)

    @api.exception_handler(WrongToken)
    def wrong(request: HttpRequest, error: WrongToken) -> HttpResponse:
        return problem(
            401,
            "This token is not valid: send another one.",
            challenge='Bearer error="invalid_token"',
        )

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404)

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        # Ninja makes a 400 of whatever the parser raises.
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            return invalid(request, cause)
        said = cause if isinstance(cause, HttpError) else error
        return problem(said.status_code, str(said))

    @api.exception_handler(RequestDataTooBig)
    def too_long(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem(413)

    # A body that the CSRF check has read as a form, or tried to.
    @api.exception_handler(RawPostDataException)
    @api.exception_handler(MultiPartParserError)
    def form(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem(415)

    @api.exception_handler(BadRequest)
    @api.exception_handler(SuspiciousOperation)
    @api.exception_handler(UnreadablePostError)
    def broken(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem(400)

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Exception) -> HttpResponse:
        raise error  # Django logs it; Ninja would show it to the caller if DEBUG is set
