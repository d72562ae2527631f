// While something runs, its part of the page is fetched again, and only what differs is changed:
// the keyboard's focus, menus that are open, typed values and the scroll stay as they are.
(() => {
  const PAUSE = 1500;
  const part = () => document.querySelector("[data-live]");
  const callbacks = {
    // What a person opens or types is theirs.
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    beforeNodeMorphed: (old) => !old.matches?.("[data-keep]"),
  };

  async function refresh() {
    const shown = part();
    if (!shown) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
        // Signed out meanwhile: the whole page says so.
        if (answer.redirected) return location.reload();
        if (answer.ok) change(shown, await answer.text());
      } catch {
        // The server is away for a moment; the next try may find it.
      }
    }
    setTimeout(refresh, PAUSE);
  }

  function change(shown, html) {
    const focused = shown.contains(document.activeElement);
    Idiomorph.morph(shown, html, { morphStyle: "outerHTML", ignoreActiveValue: true, callbacks });
    const now = document.getElementById(shown.id);
    document.title = now.dataset.title;
    // Where the button in hand is gone, the keyboard goes on at the heading, not at the page's top.
    if (focused && !now.contains(document.activeElement)) now.querySelector("h1")?.focus();
  }

  setTimeout(refresh, PAUSE);
})();
