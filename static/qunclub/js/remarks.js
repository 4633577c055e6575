/* Remarks at the desk: words that are selected, spots that are clicked; all of it works without this by the form. */
(() => {
  "use strict";
  const form = document.getElementById("desk-form");
  const list = document.getElementById("desk-remarks");
  if (!form || !list) return;
  const text = document.getElementById("desk-text");
  const here = document.getElementById("remark-here");
  const attempt = list.dataset.attempt;
  const row = (n) => list.querySelector(`[data-remark="${n}"]`);
  const numbers = () => [...list.querySelectorAll("[data-remark]")].map((one) => Number(one.dataset.remark));
  const part = (n, name) => form.elements.namedItem(`remark-${n}-${name}`);
  const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
  const per = (value) => Math.max(0, Math.min(1000, Math.round(value)));

  /* ---- rows ---- */
  function make(n, kind) {
    const made = document.getElementById(`remark-${kind}`).content.firstElementChild.cloneNode(true);
    made.dataset.remark = n;
    for (const el of [made, ...made.querySelectorAll("*")]) {
      for (const name of ["id", "for", "name", "href"]) {
        const value = el.getAttribute(name);
        if (value) el.setAttribute(name, value.replace(/-0(?=-|$)/, `-${n}`));
      }
      if (el.name === "unremark") el.value = n;
    }
    for (const el of made.querySelectorAll("[data-no], label.visually-hidden")) el.textContent = el.textContent.replace("0", n);
    list.append(made);
    return made;
  }
  const next = () => Math.max(0, ...numbers()) + 1;
  function aboutWords(place) {
    const n = next();
    const made = make(n, "text");
    part(n, "at").value = `text-${attempt}-${place.start}-${place.end}`;
    part(n, "quote").value = place.quote;
    made.querySelector("[data-quote]").textContent = place.quote;
    paint();
    changed();
    part(n, "body").focus();
  }
  function aboutSpot(figure, x, y) {
    const n = next();
    make(n, "spot");
    part(n, "at").value = `spot-${attempt}-${figure.dataset.file}`;
    part(n, "x").value = x;
    part(n, "y").value = y;
    pin(n);
    changed();
    part(n, "body").focus();
  }
  function drop(n) {
    row(n).remove();
    const mark = document.getElementById(`mark-new-${n}`);
    if (mark) mark.remove();
    paint();
  }
  list.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="unremark"]');
    if (!button) return;
    event.preventDefault();
    drop(Number(button.value));
    changed();
    const rest = list.querySelector("textarea");
    (rest || form.elements.namedItem("comment_md")).focus();
  });
  /* The desk's script fills the form with other values: rows come and go with them. */
  form.addEventListener("qc-fill", (event) => {
    const wanted = new Set();
    for (const name of Object.keys(event.detail)) {
      const found = /^remark-(\d+)-/.exec(name);
      if (found) wanted.add(Number(found[1]));
    }
    for (const n of numbers()) {
      if (!wanted.has(n)) { drop(n); continue; }
      const spot = Boolean(part(n, "x"));
      if (spot !== (`remark-${n}-x` in event.detail)) drop(n);
    }
    for (const n of [...wanted].sort((a, b) => a - b)) if (!row(n)) make(n, `remark-${n}-x` in event.detail ? "spot" : "text");
  });
  form.addEventListener("qc-filled", () => {
    for (const n of numbers()) {
      const quote = part(n, "quote");
      if (quote) row(n).querySelector("[data-quote]").textContent = quote.value;
      else pin(n);
    }
    paint();
  });

  /* ---- words ---- */
  function placeOf(range) {
    const before = document.createRange();
    before.selectNodeContents(text);
    before.setEnd(range.startContainer, range.startOffset);
    const all = range.toString(), quote = all.trim();
    // Counted in characters, as the club counts, and not in UTF-16.
    const start = [...before.toString(), ...all.slice(0, all.indexOf(quote))].length;
    return { start, end: start + [...quote].length, quote };
  }
  function selected() {
    const chosen = document.getSelection();
    if (!text || !chosen.rangeCount || chosen.isCollapsed) return null;
    const range = chosen.getRangeAt(0);
    return text.contains(range.commonAncestorContainer) && range.toString().trim() ? range : null;
  }
  if (here) {
    document.addEventListener("selectionchange", () => {
      const range = selected();
      here.hidden = !range;
      if (!range) return;
      const box = range.getBoundingClientRect(), frame = here.parentElement.getBoundingClientRect();
      here.style.top = `${box.bottom - frame.top + 8}px`;
      here.style.insetInlineStart = `${Math.max(0, Math.min(box.left - frame.left, frame.width - 200))}px`;
    });
    // The selection must still be there when the button is pressed.
    here.addEventListener("pointerdown", (event) => event.preventDefault());
    here.addEventListener("click", () => {
      const range = selected();
      if (!range) return;
      const place = placeOf(range);
      document.getSelection().removeAllRanges();
      here.hidden = true;
      aboutWords(place);
    });
  }
  /* What is not in the page's own marks yet is painted without touching the text. */
  function paint() {
    if (!text || !window.Highlight || !CSS.highlights) return;
    const ranges = [];
    for (const n of numbers()) {
      const found = /^text-(\d+)-(\d+)-(\d+)$/.exec(part(n, "at").value);
      if (!found || found[1] !== attempt || document.getElementById(`mark-new-${n}`)) continue;
      const range = document.createRange();
      if (point(range, "setStart", Number(found[2])) && point(range, "setEnd", Number(found[3]))) ranges.push(range);
    }
    CSS.highlights.set("qc-remark", new Highlight(...ranges));
  }
  function point(range, which, at) {
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    let left = at;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const chars = [...node.data];
      if (left <= chars.length) {
        range[which](node, chars.slice(0, left).join("").length);
        return true;
      }
      left -= chars.length;
    }
    return false;
  }

  /* ---- spots ---- */
  const SVG = "http://www.w3.org/2000/svg";
  function pin(n) {
    const found = /^spot-(\d+)-(\d+)$/.exec(part(n, "at").value);
    const figure = found && found[1] === attempt && document.querySelector(`.qc-spots[data-file="${found[2]}"]`);
    if (!figure) return;
    row(n).querySelector("[data-name]").textContent = figure.querySelector("figcaption").firstChild.textContent.trim();
    let link = document.getElementById(`mark-new-${n}`);
    if (!link) {
      link = document.createElementNS(SVG, "a");
      link.id = `mark-new-${n}`;
      link.setAttribute("href", `#remark-new-${n}`);
      link.setAttribute("aria-labelledby", `remark-new-${n}-name`);
      const circle = document.createElementNS(SVG, "circle"), number = document.createElementNS(SVG, "text");
      circle.setAttribute("r", 13);
      number.setAttribute("dy", "0.35em");
      number.setAttribute("text-anchor", "middle");
      number.textContent = n;
      link.append(circle, number);
      figure.querySelector("svg").append(link);
    }
    const x = `${per(part(n, "x").value) / 10}%`, y = `${per(part(n, "y").value) / 10}%`;
    link.children[0].setAttribute("cx", x);
    link.children[0].setAttribute("cy", y);
    link.children[1].setAttribute("x", x);
    link.children[1].setAttribute("y", y);
  }
  list.addEventListener("input", (event) => {
    const found = /^remark-(\d+)-[xy]$/.exec(event.target.name || "");
    if (found) pin(Number(found[1]));
  });
  const STEPS = { ArrowLeft: ["x", -1], ArrowRight: ["x", 1], ArrowUp: ["y", -1], ArrowDown: ["y", 1] };
  for (const figure of document.querySelectorAll(".qc-spots[data-file]")) {
    const image = figure.querySelector("img"), button = figure.querySelector("[data-spot]");
    button.hidden = false;
    button.addEventListener("click", () => aboutSpot(figure, 500, 500));
    image.addEventListener("click", (event) => {
      const box = image.getBoundingClientRect();
      aboutSpot(figure, per((event.clientX - box.left) / box.width * 1000), per((event.clientY - box.top) / box.height * 1000));
    });
    figure.querySelector("svg").addEventListener("keydown", (event) => {
      const link = event.target.closest("a"), step = STEPS[event.key];
      const n = link && Number(link.id.replace("mark-new-", ""));
      if (!step || !n || !part(n, step[0])) return;
      event.preventDefault();
      const field = part(n, step[0]);
      field.value = per(Number(field.value) + step[1] * (event.shiftKey ? 50 : 5));
      pin(n);
      changed();
    });
  }

  /* ---- the same by the form, without leaving the page; what does not fit is for the club to explain ---- */
  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="remark"]');
    if (!button) return;
    if (button.value === "spot") {
      const figure = document.querySelector(`.qc-spots[data-file="${CSS.escape(form.elements.namedItem("new-file").value)}"]`);
      if (!figure) return;
      event.preventDefault();
      aboutSpot(figure, 500, 500);
      return;
    }
    const [chosen] = form.elements.namedItem("new-paragraph").selectedOptions, typed = form.elements.namedItem("new-quote");
    if (!text || !chosen) return;
    const start = Number(chosen.dataset.start), words = [...text.textContent].slice(start, Number(chosen.dataset.end)).join("");
    const quote = typed.value.trim() || words, at = words.indexOf(quote);
    if (!quote || at < 0) return;
    event.preventDefault();
    const from = start + [...words.slice(0, at)].length;
    typed.value = "";
    aboutWords({ start: from, end: from + [...quote].length, quote });
  });
  paint();
})();
