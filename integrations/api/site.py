"""What do the imports' addresses have in common? JSON in, problems out, and a page about them."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from integrations.api.problems import CONTENT, MEANINGS, install
from integrations.api.tokens import Bearer, Staff

LARGEST = 100_000
# Scripts and styles come from this installation; nothing is asked of another host.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    401: {"WWW-Authenticate": "How to authenticate"},
    405: {"Allow": "The methods that this address takes"},
}


class JsonOnly(Parser):
    """A body of another type is not looked into, even if it happens to be JSON."""

    def parse_body(self, request: HttpRequest) -> Any:
        if len(request.body) > LARGEST:
            raise HttpError(413, f"The body is too long: send at most {LARGEST:,} bytes.")
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            raise HttpError(415, MEANINGS[415])
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict):
            raise ValidationError([{"loc": ("body",), "msg": "This should be a JSON object"}])
        return body


def no_body(request: HttpRequest) -> None:
    """Where none is needed, what comes all the same must be JSON: a page elsewhere can send a form
    or text in its reader's name, and JSON it cannot."""
    untyped = ["", "application/json"]
    # The development server says text/plain of a body of which nothing was said.
    if request.META.get("SERVER_SOFTWARE", "").startswith("WSGIServer"):
        untyped.append("text/plain")
    if request.body or request.content_type not in untyped:
        JsonOnly().parse_body(request)


def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The page and the schema are only read, and the page loads nothing from elsewhere."""

    @csrf_exempt
    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        answer = view(request, **kwargs)
        answer["Content-Security-Policy"] = POLICY
        return answer

    return guarded


class Docs(Swagger):
    """The page with its files from this installation, whether or not ninja is installed as an app."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        settings = self.settings | {"url": self.get_openapi_url(api, kwargs)}
        return render(request, "integrations/api.html", {"api": api, "settings": settings})


class Api(NinjaAPI):
    """Ninja says of every answer that it is application/json; refusals are problems."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if status >= 400:
                        [body] = answer["content"].values()
                        answer["content"] = {CONTENT: body}
                        answer["description"] = MEANINGS[status]
                    if status in HEADERS:
                        answer["headers"] = {
                            name: {
                                "description": text,
                                "required": True,
                                "schema": {"type": "string"},
                            }
                            for name, text in HEADERS[status].items()
                        }
        return schema


api = Api(
    title="Acuity importer",
    version="1",
    urls_namespace="acuity",
    auth=[Bearer(), Staff()],
    parser=JsonOnly(),
    docs=Docs(settings={"validatorUrl": None}),
    docs_url="/api/docs",
    docs_decorator=page,
    openapi_url="/api/openapi.json",
)
install(api)
