"""What only shows on a narrow screen: a filter's buttons in one row, links with an icon without a line before them."""

from __future__ import annotations

import pytest

from tests.browser.club import ACCOUNTS, Club, sign_in
from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROW = "[...document.querySelectorAll('.qc-filters__go > *')].map(one => one.getBoundingClientRect().top)"
INLINE = """[...document.querySelectorAll('main a')].filter(
  link => link.querySelector(':scope > .bi:only-child') && getComputedStyle(link).display === 'inline'
).map(link => link.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("width", "locale"), [(320, "en-US"), (360, "zh-CN")])
def test_people_are_filtered_in_one_row(
    shared_club: Club, page_factory: Pages, width: int, locale: str
) -> None:
    page = page_factory(width, base_url=shared_club.url, locale=locale, reduced_motion="reduce")
    sign_in(page, ACCOUNTS["admin"])
    page.goto("/admin/people?role=admin")
    tops = page.evaluate(ROW)
    assert len(tops) == 3 and len(set(tops)) == 1, tops
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for address in ("/admin/levels", "/me"):
        page.goto(address)
        assert page.locator("main a > .bi").count() > 0
        assert page.evaluate(INLINE) == []
