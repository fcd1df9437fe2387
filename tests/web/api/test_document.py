"""The API's document: kept beside the code, only growing, and shown on a page that the content security policy lets be."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from clearbill.core import price, usage
from clearbill.customers import documents as customers
from clearbill.pricing import documents as pricing
from clearbill.web.api import catalogue
from clearbill.web.api import customers as customer_shapes
from clearbill.web.api.api import api
from clearbill.web.api.document import KEPT, ROOT, document_text, kept_document
from clearbill.web.api.growth import METHODS, shrinkages

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document():
    return json.loads(document_text(api.get_openapi_schema(path_prefix=ROOT)))


def operations(document):
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_the_kept_document_is_the_one_that_the_code_makes(document):
    assert kept_document() == document, "run: python -m clearbill.web.api"
    assert KEPT.read_text() == document_text(document)


def test_v1_has_only_grown_since_the_last_release(document):
    released = _released()
    assert (shrinkages(json.loads(released), document) if released else []) == []


def test_every_endpoint_is_described_and_asks_for_a_key(document):
    assert document["openapi"] == "3.1.0"
    assert len(operations(document)) > 30
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["security"] == [{"ApiKey": []}], where
        assert operation["tags"], where
        assert "4XX" in operation["responses"], where
        idempotent = {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"]
        assert idempotent is (method == "post"), where


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for _method, _path, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_reference_in_the_document_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found = document
        for name in reference.split("/"):
            assert name in found, reference
            found = found[name]


def test_every_body_refuses_unknown_fields_and_every_answer_may_grow(document):
    closed = json.dumps({"additionalProperties": False})[1:-1]
    for _method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            assert closed not in json.dumps(response), (path, status)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            (schema,) = content["schema"].get("allOf", [content["schema"]])
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            if schema["type"] != "string":
                assert schema["additionalProperties"] is False, path


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (customer_shapes.NewCustomer, set(customers.FIELDS)),
        (customer_shapes.CustomerChanges, set(customers.FIELDS) - {"external_id"}),
        (catalogue.NewMeter, set(usage._FIELDS)),
        (catalogue.NewPlan, set(pricing.FIELDS)),
        (catalogue.NewVersion, set(pricing.FIELDS) - {"code"}),
        (catalogue.NewPrice, set(price._COMMON).union(*price._PARAMETERS.values())),
        (catalogue.Tier, {"up_to", "unit_amount", "flat_amount"}),
    ],
)
def test_shapes_describe_the_fields_that_the_domain_checks(shape, fields):
    assert set(shape.model_fields) == fields


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda d: d["paths"].pop("/api/v1/drafts"), "GET /api/v1/drafts is gone"),
        (lambda d: d["paths"]["/api/v1/customers"].pop("post"), "POST /api/v1/customers is gone"),
        (
            lambda d: _shape(d, "Customer")["properties"].pop("name"),
            "GET /api/v1/customers/{customer_id} 200.name is gone",
        ),
        (lambda d: _shape(d, "Customer")["required"].remove("name"), "200.name may now be left out"),
        (lambda d: _shape(d, "Customer")["properties"]["name"].update(type=["string", "null"]), "may now be null"),
        (lambda d: _body(d)["required"].append("email"), "POST /api/v1/customers body.email is now required"),
        (lambda d: _body(d)["properties"].pop("email"), "POST /api/v1/customers body.email is gone"),
        (lambda d: _body(d)["properties"]["email"].update(type="integer"), "email may no longer be string"),
        (lambda d: _body(d)["properties"]["email"].update(maxLength=10), "email has a lower maxLength"),
        (lambda d: _body(d)["properties"]["kind"].update(enum=["business"]), "kind no longer takes every value"),
        (lambda d: _list(d)["parameters"].pop(0), "the parameter external_id is gone"),
        (lambda d: _list(d)["parameters"][0].update(required=True), "the parameter external_id is now required"),
        (lambda d: _list(d)["responses"].pop("200"), "the answer 200 is gone"),
        (
            lambda d: d["paths"]["/api/v1/usage"]["post"]["requestBody"]["content"].pop("application/x-ndjson"),
            "a body of application/x-ndjson is no longer taken",
        ),
    ],
)
def test_whatever_v1_loses_is_found(document, change, found):
    smaller = copy.deepcopy(document)
    change(smaller)
    assert any(found in line for line in shrinkages(document, smaller)), shrinkages(document, smaller)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/api/v1/new": {"get": {"responses": {}}}}),
        lambda d: _shape(d, "Customer")["properties"].update(phone={"type": "string"}),
        lambda d: _body(d)["properties"].update(phone={"type": "string"}),
        lambda d: _list(d)["parameters"].append({"in": "query", "name": "phone", "schema": {"type": "string"}}),
        lambda d: None,
    ],
)
def test_growing_is_no_loss(document, change):
    larger = copy.deepcopy(document)
    change(larger)
    assert shrinkages(document, larger) == []


def test_the_page_and_the_document_are_open_and_come_from_here_alone(database):
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', html))
    assert re.search(r"<script(?![^>]*\ssrc=)", html) is None
    assert "<style" not in html
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    for address in re.findall(r'(?:src|href)="(/static/[^"]*)"', html):
        assert Client().get(address).status_code == 200, address
    served = Client().get(re.search(r'data-url="([^"]*)"', html)[1])
    assert served.json() == kept_document()


def _shape(document, name):
    return document["components"]["schemas"][name]


def _body(document):
    return document["paths"]["/api/v1/customers"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def _list(document):
    return document["paths"]["/api/v1/customers"]["get"]


def _released():
    """The document of the last release; empty before the first one, and where there's no history."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*").strip()
    return _git("show", f"{tag}:{KEPT.relative_to(REPOSITORY).as_posix()}") if tag else ""


def _git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
