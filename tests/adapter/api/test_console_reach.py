"""One console for all that is configured: every change that the API takes is made by a script of some page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from adapter.api.app import STATIC, all_endpoints
from adapter.api.pages import TEMPLATES

# Changes that no script asks for, each with the reason.
EXCEPTIONS = {
    "POST /me/password": "the page /password is a plain form: it has to work while nothing else may be used",
    "POST /cameras/{}/snapshots/{}/analyse": "changes nothing; the settings page tries all snapshots at once",
}

_TEXT = r"""`[^`]*`|"[^"]*\""""
_CALL = re.compile(rf"""\bcall\(\s*"(?P<method>[A-Z]+)",\s*(?P<path>{_TEXT}|\w+(?:\([^()]*(?:\([^()]*\))?\))?)""")
_NAMED = re.compile(rf"""\bconst (?P<name>\w+) = (?:\([\w, ]*\) => )?(?P<text>{_TEXT})""")
_IMPORT = re.compile(r"""from "/static/(?P<module>[\w.]+)";""")
_SCRIPT = re.compile(r"""<script type="module" src="/static/(?P<module>[\w.]+)">""")
_NAME_IN_PATH = re.compile(r"{\w+}")
_HOLE = re.compile(r"\${([^{}]*)}")


def scripts_of_pages(templates: Path, static: Path) -> dict[str, set[str]]:
    """Each script that a page loads, with those that import it, itself among them."""
    found: dict[str, set[str]] = {}

    def follow(module: str, importers: frozenset[str]) -> None:
        known = found.setdefault(module, set())
        importers |= {module}
        if importers <= known:
            return
        known |= importers
        for imported in _IMPORT.findall((static / module).read_text()):
            follow(imported, importers)

    for template in templates.glob("*.html"):
        for module in _SCRIPT.findall(template.read_text()):
            follow(module, frozenset())
    return found


def resolved(expression: str, names: Mapping[str, str], depth: int = 0) -> str:
    """A JavaScript path with what is known put in; `{}` for the rest, as in an endpoint's path."""
    if depth > 5:
        return "{}"
    if expression[0] not in '`"':
        name = expression.split("(", maxsplit=1)[0]
        return resolved(names[name], names, depth + 1) if name in names else "{}"
    return _HOLE.sub(lambda hole: resolved(hole[1] or "?", names, depth + 1), expression[1:-1]).split("?")[0]


def changes_in(sources: Mapping[str, str], importers: Mapping[str, set[str]]) -> Iterator[str]:
    """`METHOD path` of every call; a path that a script is given is looked up in the scripts that import it."""
    for module, source in sources.items():
        names: dict[str, str] = {}
        for other in [*importers[module] - {module}, module]:
            names |= {one["name"]: one["text"] for one in _NAMED.finditer(sources[other])}
        for call in _CALL.finditer(source):
            yield f"{call['method']} {resolved(call['path'], names)}"


def reached() -> set[str]:
    importers = scripts_of_pages(TEMPLATES, STATIC)
    sources = {module: (STATIC / module).read_text() for module in importers}
    return set(changes_in(sources, importers))


def served() -> set[str]:
    return {f"{one.method} {_NAME_IN_PATH.sub('{}', one.path)}" for one in all_endpoints()}


def offered() -> set[str]:
    return {one for one in served() if not one.startswith("GET ")}


@pytest.mark.requirement("M-017")
def test_every_change_that_the_api_takes_can_be_made_on_a_page_of_the_console() -> None:
    assert offered() - reached() - set(EXCEPTIONS) == set()


def test_no_page_asks_for_what_the_api_does_not_have() -> None:
    assert reached() - served() == set()


def test_an_exception_that_a_page_reaches_by_now_is_none() -> None:
    assert set(EXCEPTIONS) <= offered() - reached()


def test_a_call_is_found_by_its_method_and_by_the_path_of_whoever_imports_the_script() -> None:
    sources = {
        "page.js": 'const path = `/cameras/${encodeURIComponent(id)}`; call("DELETE", path); call("PUT", one(x));',
        "part.js": 'const one = (x) => `${path}/parts/${x}`; call("PATCH", one(y.z));'
        ' call("POST", `${path}?${query}`);',
    }
    importers = {"page.js": {"page.js"}, "part.js": {"part.js", "page.js"}}
    assert set(changes_in(sources, importers)) == {
        "DELETE /cameras/{}",
        "PUT {}",
        "PATCH /cameras/{}/parts/{}",
        "POST /cameras/{}",
    }
