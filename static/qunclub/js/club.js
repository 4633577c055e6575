/* Smooths what already works without it: copy, drafts, keys, messages, filters, menus. No globals, no dependencies. */
(() => {
  "use strict";
  const words = (document.getElementById("qc-words") || {}).dataset || {};
  const writing = (el) =>
    el && (el.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) && !/^(radio|checkbox|submit|button)$/.test(el.type)));
  const kept = {
    read(key) { try { return JSON.parse(localStorage.getItem(key) || "null"); } catch { return null; } },
    write(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden */ } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* forbidden */ } },
  };

  function say(kind, content) {
    const place = document.getElementById("qc-flash");
    if (!place) return;
    const box = document.createElement("div");
    box.className = `qc-notice qc-notice--${kind}`;
    const text = document.createElement("div");
    text.textContent = content;
    box.append(text);
    place.append(box);
    leave(box, 8000);
  }

  /* Good news goes by itself, unless somebody is at it; what went wrong stays until it is closed. */
  function leave(box, after) {
    let timer = 0;
    const go = () => { box.classList.add("is-leaving"); setTimeout(() => box.remove(), 450); };
    const start = () => { timer = setTimeout(go, after); };
    for (const name of ["mouseenter", "focusin"]) box.addEventListener(name, () => clearTimeout(timer));
    for (const name of ["mouseleave", "focusout"]) box.addEventListener(name, start);
    start();
  }

  /* ---- drafts: what is typed stays in this browser until the club has it ---- */
  const draftKey = (area) => `qunclub:draft:${location.pathname}:${area.dataset.draft}`;

  function drafts(root) {
    const failed = document.querySelector(".qc-errors, [data-error]");
    for (const area of root.querySelectorAll("textarea[data-draft]")) {
      if (area.dataset.watched) continue;
      area.dataset.watched = "1";
      const key = draftKey(area);
      const old = kept.read(key);
      if (old && old.text && old.text !== area.value && !old.sent) {
        if (!area.value || area.value === old.from) {
          area.value = old.text;
          say("info", words.draft || "");
        }
      } else if (old && old.sent && !failed) {
        kept.drop(key);
      }
      const from = area.defaultValue;
      area.addEventListener("input", () => kept.write(key, { text: area.value, from }));
      if (area.form) area.form.addEventListener("submit", () => kept.write(key, { text: area.value, from, sent: true }));
    }
  }

  /* A draft that was sent from another address is done once any page of the club came back without an error. */
  function settle() {
    const failed = document.querySelector(".qc-errors, [data-error]");
    let names = [];
    try { names = Object.keys(localStorage); } catch { return; }
    for (const key of names.filter((name) => name.startsWith("qunclub:draft:"))) {
      const old = kept.read(key);
      if (!old || !old.sent) continue;
      if (failed) kept.write(key, { text: old.text, from: old.from });
      else kept.drop(key);
    }
  }

  function prepare(root) {
    drafts(root);
    for (const button of root.querySelectorAll("[data-copy]")) if (navigator.clipboard) button.hidden = false;
    for (const button of root.querySelectorAll("[data-print], [data-dismiss]")) button.hidden = false;
    /* Code, tables and formulas wider than the text are scrolled where they are: by keyboard too. */
    for (const wide of root.querySelectorAll(".qc-prose :is(pre, table, .qc-math)")) if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    for (const box of root.querySelectorAll('[data-flash="success"], [data-flash="info"]')) leave(box, 10000);
  }

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const copy = at.closest("[data-copy]");
    if (copy) {
      const before = copy.textContent;
      navigator.clipboard.writeText(copy.dataset.copy).then(() => {
        copy.textContent = copy.dataset.copied || words.copied;
        setTimeout(() => { copy.textContent = before; }, 2000);
      });
    }
    if (at.closest("[data-dismiss]")) at.closest(".qc-notice").remove();
    if (at.closest("[data-print]")) window.print();
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(at)) menu.open = false;
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) { event.preventDefault(); return; }
    /* One click is one order: a second press of the same button is ignored while the first is on its way. */
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 4000);
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-auto-submit]")) event.target.form.requestSubmit();
  });

  /* ---- keyboard: data-key on a control; the desk is worked without a mouse ---- */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (writing(document.activeElement)) document.activeElement.blur();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && writing(event.target) && event.target.form) {
      const main = event.target.form.querySelector('[type="submit"].btn-primary');
      event.preventDefault();
      event.target.form.requestSubmit(main || undefined);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || writing(event.target)) return;
    if (event.key === "?") {
      const keys = [...document.querySelectorAll("[data-key]")].filter((el) => el.checkVisibility());
      if (keys.length) say("info", `${words.keys}: ${keys.map((el) => `${el.dataset.key} ${nameOf(el)}`).join(" · ")}`);
      return;
    }
    const wanted = [...document.querySelectorAll("[data-key]")].find(
      (el) => el.dataset.key.toLowerCase() === event.key.toLowerCase() && !el.disabled && el.checkVisibility(),
    );
    if (!wanted) return;
    event.preventDefault();
    if (writing(wanted)) wanted.focus();
    else wanted.click();
  });

  function nameOf(el) {
    if (el.getAttribute("aria-label") || el.placeholder) return el.getAttribute("aria-label") || el.placeholder;
    const label = el.labels && el.labels[0] ? el.labels[0] : el;
    const copy = label.cloneNode(true);
    for (const key of copy.querySelectorAll("kbd")) key.remove();
    return copy.textContent.trim();
  }

  window.addEventListener("beforeunload", (event) => {
    const open = [...document.querySelectorAll("textarea[data-draft]")].some(
      (area) => area.value !== area.defaultValue && !(area.form && area.form.dataset.sent) && !kept.read(draftKey(area)),
    );
    if (open) event.preventDefault();
  });

  /* ---- htmx: a page that says no is shown as a message, a form with errors replaces the form ---- */
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 400) return;
    const text = xhr.responseText || "";
    if (text.includes("data-error=")) {
      const place = document.getElementById("qc-flash");
      if (place) { place.innerHTML = text; place.scrollIntoView({ block: "nearest" }); }
      event.detail.shouldSwap = false;
    } else if (xhr.status === 422) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));

  settle();
  prepare(document);
  const wrong = document.querySelector(".qc-errors");
  if (wrong) wrong.focus();
})();
