"""Walking a page with the Tab key, as somebody without a mouse does."""

from __future__ import annotations

from playwright.sync_api import Page

# What has the focus: whether its mark is drawn, whether it is in the window, and whether anything lies over it.
FOCUS = """async () => {
  for (const _frame of [1, 2]) await new Promise(requestAnimationFrame);
  const at = document.activeElement;
  const box = at.getBoundingClientRect();
  const marked = [at, at.querySelector("circle")].filter(Boolean).map((one) => getComputedStyle(one)).some((style) =>
    parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none" || style.boxShadow !== "none");
  const spots = [[0.5, 0.5], [0.5, 0.1], [0.5, 0.9], [0.05, 0.5], [0.95, 0.5]].map(([x, y]) =>
    [Math.max(1, Math.min(innerWidth - 2, box.left + box.width * x)),
     Math.max(1, Math.min(innerHeight - 2, box.top + box.height * y))]);
  const free = spots.filter(([x, y]) => {
    const there = document.elementFromPoint(x, y);
    return there && (at.contains(there) || there.contains(at));
  });
  return {
    name: at === document.body ? "" : at.outerHTML.slice(0, 160),
    key: at.name ? at.name + (at.type === "submit" && at.value ? "=" + at.value : "") : at.id || at.textContent.trim(),
    fine: marked && box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && free.length > 0,
    marked, free: free.length,
  };
}"""


def tab_to(page: Page, selector: str, *, most: int = 90, key: str = "Tab") -> list[str]:
    """Press Tab until what *selector* finds has the focus; every stop can be seen. Gives the stops on the way."""
    stops = []
    for _step in range(most):
        page.keyboard.press(key)
        focus = page.evaluate(FOCUS)
        assert not focus["name"] or focus["fine"], f"cannot be seen: {focus}"
        stops.append(str(focus["key"]))
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return stops
    raise AssertionError(f"{selector} is not reached from the keyboard: {stops}")
