"""What does axe find fault with on a page, in the light and in the dark, and does it fit a phone?"""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
# Darkness changes colours and nothing else: what has to do with them is asked again, by each rule.
RUN = """async dark => {
  // The theme hides a page until its scripts have run: nothing shown has no faults.
  if (!document.body.innerText.trim()) return ['nothing: is to be seen'];
  if (dark) document.head.insertAdjacentHTML('beforeend', '<style>* { transition: none !important; }</style>');
  document.documentElement.classList.toggle('dark', dark);
  const colours = {type: 'rule', values: ['color-contrast', 'link-in-text-block']};
  const options = dark ? {runOnly: colours, preload: false} : {};
  const {violations} = await axe.run(document, {resultTypes: ['violations'], ...options});
  return violations.map(({id, nodes}) => `${id}: ${nodes.map(one => one.html).join(' ').slice(0, 300)}`);
}"""


def violations(page: Page, *, dark: bool = False) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return [f"{'dark, ' * dark}{said}" for said in page.evaluate(RUN, dark)]


def too_wide(page: Page) -> bool:
    """Whether one has to scroll sideways to see all of it."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def faults(page: Page) -> list[str]:
    """Light and dark, on a desk and on a phone; the page stays dark, and on a desk."""
    found = violations(page) + violations(page, dark=True)
    for width, height in ((390, 844), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{width}: too wide"] * too_wide(page)
    return found
