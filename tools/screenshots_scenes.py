"""How one gets into the pages that are photographed, and what is done on some of them first: scenes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from photographer import Shot
from playwright.sync_api import Page
from screenshots_world import EMPTY
from steps import PYTHON, ROOT


def sign_in(page: Page) -> None:
    """As the example's owner, to the example's seller."""
    from clearbill.cli.example import NAME, OWNER, PASSWORD

    page.goto("/accounts/login/")
    page.fill("input[name=login]", OWNER)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/console/**")
    _switch(page, NAME)


def to_empty(page: Page) -> None:
    """To the seller that has nothing yet."""
    sign_in(page)
    _switch(page, EMPTY)


def enter_portal(page: Page) -> None:
    """By a new link, as the example's last customer."""
    page.goto(_ask_world("portal_link"))
    page.locator("main form button").last.click()
    page.wait_for_url("**/portal/")


def scenes_signed_out(shots: Sequence[Shot]) -> list[Shot]:
    """What strangers meet: a wrong password, a page that isn't there, the portal's door with and without a good link."""
    ask = _ask_world("portal_sign_in")
    return [
        Shot(name="accounts.login.wrong", address="/accounts/login/", act=_wrong_password),
        Shot(name="404", address="/nothing-here/", status=404),
        Shot(name="portal.no-session", address="/portal/sign-in/"),
        Shot(name="portal.sign-in", address=ask),
        Shot(name="portal.sign-in.sent", address=ask, act=_ask_for_link),
        Shot(name="portal.enter", address="/portal/enter/not-a-link/"),
        Shot(name="portal.enter.refused", address="/portal/enter/not-a-link/", act=_click_last),
    ]


def scenes_of_console(shots: Sequence[Shot]) -> list[Shot]:
    """Things opened, filled in wrongly, searched for in vain."""
    at = {each.name: each.address for each in shots}
    return [
        Shot(name="scene.menu", address="/console/", act=_open_menu),
        Shot(name="scene.working", address=at["console.invoices.one"], act=_open_workings),
        Shot(name="scene.numbers", address="/console/", act=lambda page: page.locator(".chart summary").first.click()),
        Shot(name="scene.credit-preview", address=at["console.invoices.one.credit"], act=_preview_credit),
        Shot(name="scene.credit-wrong", address=at["console.invoices.one.credit"], act=_credit_too_much),
        Shot(name="scene.customer-wrong", address="/console/customers/new/", act=_customer_without_name),
        Shot(name="scene.plan-wrong", address="/console/catalogue/new-plan/", act=_plan_without_code),
        Shot(name="scene.dialog", address="/console/team/", act=lambda page: page.click("a[href^='#remove-']")),
        Shot(name="scene.search", address="/console/invoices/?q=nobody+of+this+name"),
        Shot(name="scene.focus", address="/console/customers/", act=_tab_along),
        Shot(name="scene.404", address="/console/invoices/inv_00000000000000000000000000/", status=404),
    ]


def scenes_of_portal(shots: Sequence[Shot]) -> list[Shot]:
    """An invoice with the working of each line open, and a list that a filter leaves empty."""
    invoice = next(each.address for each in shots if each.name == "portal.invoices.one")
    return [
        Shot(name="portal.scene.working", address=invoice, act=_open_workings),
        Shot(name="portal.scene.filtered", address="/portal/invoices/?status=paid"),
    ]


def _switch(page: Page, name: str) -> None:
    if not page.locator(".switcher").count():
        return
    if page.locator(".sidebar").is_hidden():
        page.click("button[popovertarget=sidebar]")
    page.click(".switcher > summary")
    page.locator(".switcher button", has_text=name).click()
    page.wait_for_load_state()


def _ask_world(function: str) -> str:
    """What a function of the world says. In a process of its own: the browser keeps a loop in this one."""
    code = f"import screenshots_world; print(screenshots_world.{function}())"
    done = subprocess.run([PYTHON, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _click_last(page: Page) -> None:
    page.locator("main form button").last.click()
    page.wait_for_load_state()


def _wrong_password(page: Page) -> None:
    page.fill("input[name=login]", "nobody@skyline.example")
    page.fill("input[name=password]", "not-the-password")
    _click_last(page)


def _ask_for_link(page: Page) -> None:
    page.fill("input[name=email]", "somebody@skyline.example")
    _click_last(page)


def _open_menu(page: Page) -> None:
    menu = page.locator("button[popovertarget=sidebar]")
    if menu.is_visible():
        menu.click()
    page.click(".user-menu > summary")


def _open_workings(page: Page) -> None:
    for each in page.locator(".working > summary").all():
        each.click()


def _preview_credit(page: Page) -> None:
    page.locator("input[name^=line_]").first.fill("100.00")
    page.fill("[name=reason]", "Outage in December")
    page.click("button[name=review]")
    page.wait_for_load_state()


def _credit_too_much(page: Page) -> None:
    _let_the_server_check(page)
    page.locator("input[name^=line_]").first.fill("100000")
    page.locator("input[name^=line_]").nth(1).fill("a lot")
    page.click("button[name=review]")
    page.wait_for_load_state()


def _let_the_server_check(page: Page) -> None:
    page.eval_on_selector_all("main form", "all => all.forEach(each => each.noValidate = true)")


def _customer_without_name(page: Page) -> None:
    _let_the_server_check(page)
    page.fill("main input[name=email]", "not an address")
    _click_last(page)


def _plan_without_code(page: Page) -> None:
    _let_the_server_check(page)
    page.locator("main textarea").fill(
        '{"interval": "month", "prices": [{"code": "x", "model": "flat", "amount": 49.0}]}'
    )
    page.locator("main form button").first.click()
    page.wait_for_load_state()


def _tab_along(page: Page) -> None:
    page.locator("input[type=search]").focus()
    page.keyboard.press("Tab")
    assert re.match("BUTTON|A|INPUT", page.evaluate("document.activeElement.tagName"))
