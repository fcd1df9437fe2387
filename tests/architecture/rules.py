"""The house rules that can be read off a syntax tree or a text. Each rule yields `line: what is wrong`.

What the rules are applied to stands in `test_house.py`; that each can fail is shown in `test_rules.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CLOCK_READS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "timezone.now",
    "timezone.localdate",
    "time.time",
    "time.time_ns",
}


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text; anything else than names and attributes is empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def last_two(node: ast.AST) -> str:
    return ".".join(dotted(node).split(".")[-2:])


def floats(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{node.lineno}: the float {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float" and not is_type_test(node, tree):
            yield f"{node.lineno}: float"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "round":
            yield f"{node.lineno}: round()"


def is_type_test(name: ast.Name, tree: ast.Module) -> bool:
    """`isinstance(value, float)`, by which a float is refused."""
    return any(
        isinstance(node, ast.Call) and dotted(node.func) == "isinstance" and name in ast.walk(node)
        for node in ast.walk(tree)
    )


def clock_reads(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and last_two(node) in CLOCK_READS:
            yield f"{node.lineno}: {last_two(node)} reads the clock; take `at` as an argument"
        elif isinstance(node, ast.ImportFrom):
            names = {f"{(node.module or '').rpartition('.')[2]}.{alias.name}" for alias in node.names}
            for name in sorted(names & CLOCK_READS):
                yield f"{node.lineno}: {name} reads the clock; take `at` as an argument"


def clock_defaults(tree: ast.Module) -> Iterator[str]:
    """A column that fills itself with the machine's time would decide business behind the clock's back."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.keyword):
            continue
        if node.arg in ("auto_now", "auto_now_add"):
            yield f"{node.lineno}: {node.arg}"
        elif node.arg in ("default", "db_default") and "now" in dotted_names(node.value):
            yield f"{node.lineno}: {node.arg} reads the clock"


def dotted_names(node: ast.AST) -> set[str]:
    """The last names in an expression, in small letters: `timezone.now` and `Now()` both give `now`."""
    return {dotted(part).rpartition(".")[2].lower() for part in ast.walk(node) if dotted(part)}


def swallowed_errors(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"{node.lineno}: bare except"
            elif catches_everything(node.type) and all(does_nothing(line) for line in node.body):
                yield f"{node.lineno}: swallows every error"
        elif isinstance(node, ast.Call) and is_suppress(node) and any(map(catches_everything, node.args)):
            yield f"{node.lineno}: suppresses every error"


def is_suppress(call: ast.Call) -> bool:
    return dotted(call.func).endswith("suppress")


def catches_everything(node: ast.AST) -> bool:
    caught = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(dotted(one) in ("Exception", "BaseException") for one in caught)


def does_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass | ast.Continue) or (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    )


def missing_module_docstring(tree: ast.Module) -> Iterator[str]:
    if tree.body and not ast.get_docstring(tree):
        yield "1: the module has no docstring"


def missing_docstrings(tree: ast.Module) -> Iterator[str]:
    yield from missing_module_docstring(tree)
    for node in tree.body:
        public = isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_")
        if public and not ast.get_docstring(node) and not is_overload(node):
            yield f"{node.lineno}: {node.name} has no docstring"


def is_overload(node: ast.AST) -> bool:
    return any(dotted(one).endswith("overload") for one in getattr(node, "decorator_list", []))


def long_functions(tree: ast.Module, *, limit: int) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and (length := (node.end_lineno or 0) - node.lineno + 1) > limit:
            yield f"{node.lineno}: {node.name} has {length} lines; the limit is {limit}"


def unworded_refusals(tree: ast.Module, *, refusals: set[str]) -> Iterator[str]:
    """A sentence that isn't written out where it's raised can't be collected for translation.

    Only a refusal that is raised again, with a place added, may hand its message on.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in refusals:
            sentence = node.args[1] if len(node.args) > 1 else None
            if sentence is None or dotted(sentence).endswith(".message"):
                continue
            if not is_text(sentence):
                yield f"{node.lineno}: the sentence of {dotted(node.func)} is not written out"
            elif missing := unfilled_places(node, sentence.value):
                yield f"{node.lineno}: nothing fills {', '.join(sorted(missing))}"


def unfilled_places(call: ast.Call, sentence: str) -> set[str]:
    """`field` names the input and fills no place; `**params` could fill any."""
    given = {keyword.arg for keyword in call.keywords}
    return set() if None in given else set(re.findall(r"\{(\w+)\}", sentence)) - (given - {"field"})


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def formatted_sentences(tree: ast.Module, *, markers: set[str]) -> Iterator[str]:
    """`_(f"…")` looks translated and never is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in markers:
            for argument in node.args:
                if isinstance(argument, ast.JoinedStr | ast.BinOp):
                    yield f"{node.lineno}: {dotted(node.func)} of a text that is put together"


def tests_without_assertion(tree: ast.Module) -> Iterator[str]:
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)}
    asserting: set[str] = set()
    while more := {name for name, node in functions.items() if asserts(node, asserting)} - asserting:
        asserting |= more
    for name, node in functions.items():
        if name.startswith("test_") and name not in asserting:
            yield f"{node.lineno}: {name} asserts nothing"


def asserts(function: ast.AST, asserting: set[str]) -> bool:
    """An assertion, an expected error, a call of something that says it asserts, or of one that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = dotted(node.func).rpartition(".")[2]
            if name in asserting or name in ("raises", "warns", "fail"):
                return True
            if name.startswith(("assert", "expect", "refuses", "run_state_machine")):
                return True
    return False


FOREIGN = "a foreign address"
INLINE = (
    (re.compile(r"<[^>]*\sstyle\s*=", re.I), "an inline style"),
    (re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"']", re.I), "an inline event handler"),
    (re.compile(r"[\"'\s=]javascript:", re.I), "a javascript: address"),
    (re.compile(r"<style\b(?![^>]*\bnonce=)", re.I), "a style element without nonce"),
    (re.compile(r"<script\b(?![^>]*(?:\bnonce=|\bsrc=|application/json))", re.I), "a script without nonce"),
    (
        re.compile(r"<(?:script|img|link|iframe)\b[^>]*\s(?:src|href)=[\"']?(?:https?:)?//", re.I),
        "a foreign address",
    ),
)


def blocked_by_csp(html: str) -> Iterator[str]:
    """What the content security policy would block silently, in the browser only."""
    for pattern, what in INLINE:
        for found in pattern.finditer(html):
            yield f"{html.count(chr(10), 0, found.start()) + 1}: {what}"


def blocked_by_csp_in_code(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if is_text(node):
            for problem in blocked_by_csp(node.value):
                yield f"{node.lineno}: {problem.partition(': ')[2]}"


# Put together from halves, so that this file may name them.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "crates" + ".io")
PRIVATE = re.compile(r"(?<![\w.*-])/work" + r"/|\.\./" + r"shared\b")


def places_of_ours(text: str) -> Iterator[str]:
    """Addresses that hold on one machine only, and package indexes, which whoever installs chooses."""
    for number, line in enumerate(text.splitlines(), start=1):
        if PRIVATE.search(line):
            yield f"{number}: a path of somebody's machine"
        for host in HOSTS:
            if host in line:
                yield f"{number}: the package index {host}"


def unlocked_requirements(text: str) -> Iterator[str]:
    """Each entry is `name==version`, with at least one hash, and from wherever the person installs from."""
    entries = text.replace("\\\n", " ").splitlines()
    for number, entry in enumerate((line for line in entries if line and line.lstrip()[:1] != "#"), start=1):
        if "://" in entry or entry.startswith("-"):
            yield f"{number}: an address or option: {entry.split()[0]}"
        elif not re.match(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==\S+", entry):
            yield f"{number}: not pinned: {entry.split()[0]}"
        elif "--hash=sha256:" not in entry:
            yield f"{number}: no hash: {entry.split()[0]}"


def left_to_do(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.search(r"\b(TO" + r"DO|FIX" + r"ME)\b(?!.*#\d+)", line):
            yield f"{number}: {line.strip()[:80]}"
