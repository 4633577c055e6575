/* A draft that this browser kept is offered back: what was put in can be taken out again, and the other way round. */
(() => {
  "use strict";
  const words = (document.getElementById("qc-editor-words") || {}).dataset;
  if (!words) return;
  const keyOf = (area) => `qunclub:draft:${location.pathname}:${area.dataset.draft}`;
  const kept = (key) => { try { return JSON.parse(localStorage.getItem(key) || "null"); } catch { return null; } };
  const drop = (key) => { try { localStorage.removeItem(key); } catch { /* forbidden */ } };

  function put(area, text) {
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  }

  function offer(area, said, choices) {
    const box = document.createElement("div");
    box.className = "qc-notice qc-notice--info";
    box.setAttribute("role", "status");
    const text = document.createElement("p");
    text.textContent = said;
    const row = document.createElement("div");
    row.className = "qc-actions";
    for (const [label, act] of choices) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-outline-secondary btn-sm";
      button.textContent = label;
      button.addEventListener("click", () => { box.remove(); act(); });
      row.append(button);
    }
    const inner = document.createElement("div");
    inner.append(text, row);
    box.append(inner);
    area.before(box);
  }

  function watch(area) {
    const key = keyOf(area);
    const draft = kept(key);
    if (!draft || !draft.text) return;
    if (area.value === draft.text && area.value !== area.defaultValue) {
      /* club.js has put it in: show it in the preview too. */
      area.dispatchEvent(new Event("input", { bubbles: true }));
      offer(area, words.back, [[words.saved, () => { put(area, area.defaultValue); drop(key); }]]);
    } else if (!draft.sent && draft.text !== area.value && draft.from !== area.value) {
      offer(area, words.other, [
        [words.mine, () => put(area, draft.text)],
        [words.drop, () => drop(key)],
      ]);
    }
  }

  window.addEventListener("load", () => {
    for (const area of document.querySelectorAll("form[data-editor] textarea[data-draft]")) watch(area);
  });
})();
