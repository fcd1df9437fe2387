"""That each rule of the house finds what it is there for, and leaves alone what is fine."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.architecture import rules

REFUSALS = partial(rules.unworded_refusals, refusals={"Conflict"})
FORMATTED = partial(rules.formatted_sentences, markers={"_", "gettext"})
SHORT = partial(rules.long_functions, limit=3)

BAD = [
    (rules.floats, "rate = 0.5"),
    (rules.floats, "def share(part: float) -> int: ..."),
    (rules.floats, "share = float(text)"),
    (rules.floats, "share = round(amount)"),
    (rules.clock_reads, "at = datetime.now(UTC)"),
    (rules.clock_reads, "at = datetime.datetime.utcnow()"),
    (rules.clock_reads, "at = django.utils.timezone.now()"),
    (rules.clock_reads, "at = time.time()"),
    (rules.clock_reads, "from django.utils.timezone import now"),
    (rules.clock_reads, "read = datetime.now"),
    (rules.clock_defaults, "at = models.DateTimeField(auto_now=True)"),
    (rules.clock_defaults, "at = models.DateTimeField(auto_now_add=True)"),
    (rules.clock_defaults, "at = models.DateTimeField(default=timezone.now)"),
    (rules.clock_defaults, "at = models.DateTimeField(default=now)"),
    (rules.clock_defaults, "at = models.DateTimeField(db_default=Now())"),
    (rules.swallowed_errors, "try: x()\nexcept: y()"),
    (rules.swallowed_errors, "try: x()\nexcept Exception: pass"),
    (rules.swallowed_errors, "for a in b:\n try: x()\n except (ValueError, Exception): continue"),
    (rules.swallowed_errors, "try: x()\nexcept BaseException: ..."),
    (rules.swallowed_errors, "with contextlib.suppress(Exception): x()"),
    (rules.missing_docstrings, "x = 1"),
    (rules.missing_docstrings, "'''Doc.'''\ndef bill(): ..."),
    (rules.missing_docstrings, "'''Doc.'''\nclass Bill: ..."),
    (SHORT, "def bill():\n a()\n b()\n c()"),
    (REFUSALS, "raise Conflict('late', message)"),
    (REFUSALS, "raise errors.Conflict('late', f'{name} is late')"),
    (REFUSALS, "raise Conflict('late', '{name} is late.')"),
    (REFUSALS, "raise Conflict('late', '{field} is late.', field='x')"),
    (FORMATTED, "_(f'{n} lines')"),
    (FORMATTED, "gettext('%s lines' % n)"),
    (rules.tests_without_assertion, "def test_a(): bill()"),
    (rules.tests_without_assertion, "def test_a(): show(1)\ndef show(x): print(x)"),
    (rules.blocked_by_csp_in_code, "html = '<p style=\"color: red\">'"),
]
GOOD = [
    (rules.floats, "if isinstance(value, float): raise TypeError"),
    (rules.floats, "rate = Decimal('0.5') + 1"),
    (rules.clock_reads, "def tick(at): return at.time()"),
    (rules.clock_reads, "took = time.monotonic()"),
    (rules.clock_defaults, "at = models.DateTimeField(default=None)"),
    (rules.swallowed_errors, "try: x()\nexcept Exception as error: tell(error)"),
    (rules.swallowed_errors, "try: x()\nexcept KeyError: pass"),
    (rules.missing_docstrings, "'''Doc.'''\ndef bill():\n '''Doc.'''\ndef _bill(): ..."),
    (rules.missing_docstrings, ""),
    (SHORT, "def bill():\n a()\n b()"),
    (REFUSALS, "raise Conflict('late', 'It is {state}.' ' Wait.', state=state)"),
    (REFUSALS, "raise Conflict(refusal.code, refusal.message, field='x')"),
    (REFUSALS, "raise Conflict('late', '{name} is late.', **params)"),
    (FORMATTED, "_('%(n)s lines') % {'n': n}"),
    (rules.tests_without_assertion, "def test_a():\n with pytest.raises(KeyError): bill()"),
    (rules.tests_without_assertion, "def test_a(): holds(1)\ndef holds(x):\n assert x"),
    (rules.tests_without_assertion, "def test_a(page): expect(page).to_have_title('x')"),
    (rules.blocked_by_csp_in_code, "html = '<p class=\"red\">'"),
]


@pytest.mark.parametrize(("rule", "code"), BAD)
def test_a_breach_in_code_is_found(rule: Callable[[ast.Module], Iterator[str]], code: str) -> None:
    assert list(rule(ast.parse(code)))


@pytest.mark.parametrize(("rule", "code"), GOOD)
def test_code_in_order_is_left_alone(rule: Callable[[ast.Module], Iterator[str]], code: str) -> None:
    assert list(rule(ast.parse(code))) == []


@pytest.mark.parametrize(
    ("rule", "text", "breaches"),
    [
        (rules.blocked_by_csp, '<p style="color: red">', 1),
        (rules.blocked_by_csp, '<button\n  onclick="pay()">', 1),
        (rules.blocked_by_csp, '<a href="javascript:pay()">', 1),
        (rules.blocked_by_csp, "<script>pay()</script>", 1),
        (rules.blocked_by_csp, "<style>p {}</style>", 1),
        (rules.blocked_by_csp, '<script src="https://cdn.example/x.js"></script>', 1),
        (rules.blocked_by_csp, '<script nonce="{{ n }}">1</script><script src="{% static "a.js" %}">', 0),
        (rules.blocked_by_csp, '<p class="style" data-style="x" data-one="1">on this = "that"</p>', 0),
        (rules.unlocked_requirements, "django==5.2 \\\n    --hash=sha256:00\n    # via x\n", 0),
        (rules.unlocked_requirements, "uv==1 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n", 0),
        (rules.unlocked_requirements, "django==5.2\n", 1),
        (rules.unlocked_requirements, "django>=5.2 --hash=sha256:00\n", 1),
        (rules.unlocked_requirements, "--index-url https://mirror.example/simple\n", 1),
        (rules.unlocked_requirements, "x @ https://mirror.example/x.whl --hash=sha256:00\n", 1),
        (rules.places_of_ours, "open('/wor" + "k/main')", 1),
        (rules.places_of_ours, "see ../sha" + "red/design", 1),
        (rules.places_of_ours, "pip install -i https://py" + "pi.org/simple", 1),
        (rules.places_of_ours, "paperwork/main, net/work/x and /workers/", 0),
        (rules.left_to_do, "x = 1  # TO" + "DO tidy", 1),
        (rules.left_to_do, "x = 1  # TO" + "DO #14 tidy", 0),
    ],
)
def test_a_text_is_judged(rule: Callable[[str], Iterator[str]], text: str, breaches: int) -> None:
    assert len(list(rule(text))) == breaches
