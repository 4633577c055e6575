/* The review desk while one works: the claim lasts on, what is typed is kept, phrases go in at the cursor. */
(() => {
  "use strict";
  const form = document.getElementById("desk-form");
  const left = document.getElementById("desk-left");
  if (left) {
    /* No form here (any more), but this browser may hold what was typed into one, also across a sign-in. */
    let held = null;
    try { held = JSON.parse(localStorage.getItem(left.dataset.key) || "null"); } catch { /* forbidden */ }
    const words = (held && held.fields.comment_md || "").trim();
    if (words && words !== left.dataset.said.replaceAll("\r\n", "\n").trim()) {
      left.querySelector("pre").textContent = words;
      left.hidden = false;
    }
    left.querySelector("[data-drop]").addEventListener("click", () => {
      try { localStorage.removeItem(left.dataset.key); } catch { /* forbidden */ }
      left.hidden = true;
    });
  }
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  const comment = field("comment_md");
  const status = document.getElementById("desk-status");
  const both = document.getElementById("desk-both");
  const part = (name) => both.querySelector(`[data-both="${name}"]`);
  const key = `qunclub:desk:${location.pathname}`;
  const kept = {
    read() { try { return JSON.parse(localStorage.getItem(key) || "null"); } catch { return null; } },
    write(value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden */ } },
    drop() { try { localStorage.removeItem(key); } catch { /* forbidden */ } },
  };
  const ours = (name) => name === "verdict" || name === "comment_md" || /^(score|remark)-/.test(name);
  const fields = () => {
    const found = {};
    for (const [name, value] of new FormData(form)) if (ours(name) && value) found[name] = value.replaceAll("\r\n", "\n");
    return found;
  };
  const same = (a, b) => {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].every((name) => (a[name] || "") === (b[name] || ""));
  };
  const fill = (values) => {
    form.dispatchEvent(new CustomEvent("qc-fill", { detail: values }));
    for (const el of form.elements) {
      if (!el.name || !ours(el.name)) continue;
      if (el.type === "radio") el.checked = el.value === (values[el.name] || "");
      else el.value = values[el.name] || "";
    }
    form.dispatchEvent(new Event("qc-filled"));
  };
  const local = (more) => kept.write({ fields: fields(), base: field("draft_version").value, work: field("version").value, ...more });
  const send = (url, body) => fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });

  /* ---- the draft: in this browser at every key, at the club after a breath ---- */
  let timer = 0, busy = false, again = false, other = null, leaving = false;
  function typed() {
    local({});
    if (other) compare();
    clearTimeout(timer);
    timer = setTimeout(save, 1200);
  }
  async function save() {
    if (other || leaving) return;
    if (busy) { again = true; return; }
    busy = true;
    const sent = fields();
    try {
      const answer = await send(form.dataset.draftUrl, new FormData(form));
      const told = await answer.json();
      if (answer.ok) {
        field("draft_version").value = told.version;
        if (same(sent, fields())) kept.drop(); else local({});
      } else if (answer.status === 409) {
        show(told);
      }
      status.textContent = told.message;
    } catch { /* away from the net: the browser has it, and the next key tries again */ }
    busy = false;
    if (again) { again = false; save(); }
  }
  /* Every field that differs, in both versions. */
  const named = (name) => {
    const el = form.elements.namedItem(name);
    const first = el && (el.labels ? el : el[0]);
    const legend = first && first.type === "radio" && first.closest("fieldset").querySelector("legend");
    const label = legend || (first && first.labels && first.labels[0]);
    return label ? label.textContent.trim() : name;
  };
  const spoken = (name, value) => {
    const radio = name === "verdict" && value && form.querySelector(`[name="verdict"][value="${CSS.escape(value)}"]`);
    return radio ? radio.labels[0].firstElementChild.nextSibling.textContent.trim() : value || "–";
  };
  function compare() {
    const mine = fields(), rows = [];
    for (const name of new Set([...Object.keys(mine), ...Object.keys(other.fields)])) {
      if ((mine[name] || "").trim() === (other.fields[name] || "").trim()) continue;
      const row = part("row").content.cloneNode(true);
      row.querySelector("[data-name]").textContent = named(name);
      row.querySelector("[data-mine]").textContent = spoken(name, mine[name]);
      row.querySelector("[data-theirs]").textContent = spoken(name, other.fields[name]);
      rows.push(row);
    }
    part("rows").replaceChildren(...rows);
  }
  function show(told) {
    other = told;
    part("message").textContent = told.message || "";
    compare();
    both.hidden = false;
  }
  part("swap").addEventListener("click", () => {
    const mine = fields();
    fill(other.fields);
    other.fields = mine;
    compare();
    local({});
    comment.focus();
  });
  part("join").addEventListener("click", () => {
    const here = comment.value.trim(), there = (other.fields.comment_md || "").trim();
    const joined = here.includes(there) ? here : there.includes(here) ? there : `${here}\n\n———\n\n${there}`;
    fill({ ...other.fields, ...fields(), comment_md: joined });
    compare();
    local({});
    comment.focus();
  });
  part("keep").addEventListener("click", () => {
    field("draft_version").value = other.version;
    other = null;
    both.hidden = true;
    comment.focus();
    save();
  });
  form.addEventListener("input", typed);

  const old = kept.read();
  if (old && old.sent && "posted" in form.dataset) {
    local({}); // the answer to what was sent: a version that was chosen, a remark that was added stand in the form
  } else if (old && !document.querySelector(".qc-errors") && !same(old.fields, fields())) {
    if (old.sent && old.work !== field("version").value && (old.fields.comment_md || "").trim() === form.dataset.said.replaceAll("\r\n", "\n").trim()) {
      kept.drop(); // it arrived: the work has moved on since
    } else if (old.base === field("draft_version").value) {
      fill(old.fields);
      status.textContent = form.dataset.restored;
      save();
    } else {
      show({ fields: old.fields, version: field("draft_version").value, message: form.dataset.restored });
      const now = fields();
      fill(old.fields);
      other.fields = now;
      compare();
    }
  }

  /* ---- levels: the criterion's digit comes to them, then the points are typed as into a number field ---- */
  for (const group of form.querySelectorAll("[data-levels]")) {
    const levels = [...group.querySelectorAll("input")];
    let digits = "", last = 0;
    group.addEventListener("click", (event) => {
      if (event.target === group) (levels.find((el) => el.checked) || levels[0]).focus();
    });
    group.addEventListener("focusout", () => { digits = ""; });
    group.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { document.activeElement.blur(); return; }
      if (!/^[0-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const begun = Date.now() - last < 1500 ? digits : "";
      last = Date.now();
      const fits = (text) => levels.some((el) => el.value.startsWith(text));
      digits = fits(begun + event.key) ? begun + event.key : event.key;
      const wanted = levels.find((el) => el.value === digits);
      if (!wanted) return;
      wanted.checked = true;
      wanted.focus();
      typed();
    });
  }

  /* ---- phrases ---- */
  for (const button of form.querySelectorAll("[data-phrase]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const before = comment.value.slice(0, comment.selectionStart);
      const gap = before && !/\s$/.test(before) ? " " : "";
      comment.setRangeText(gap + button.dataset.phrase, comment.selectionStart, comment.selectionEnd, "end");
      comment.focus();
      typed();
      const body = new FormData();
      body.set(form.elements[0].name, form.elements[0].value);
      send(button.dataset.useUrl, body).catch(() => { /* only a count */ });
    });
  }

  /* ---- the claim lasts while one works, and ends soon after one leaves ---- */
  form.addEventListener("submit", () => {
    leaving = true;
    clearTimeout(timer);
    local({ sent: true });
    setTimeout(() => { leaving = false; }, 8000);
  });
  if (!form.dataset.beatUrl) return;
  const held = document.getElementById("desk-held");
  const token = () => {
    const body = new FormData();
    body.set(form.elements[0].name, form.elements[0].value);
    return body;
  };
  let active = Date.now(), lost = false;
  for (const name of ["input", "keydown", "pointerdown", "scroll"]) {
    document.addEventListener(name, () => { active = Date.now(); }, { passive: true });
  }
  async function beat() {
    if (lost || document.visibilityState !== "visible" || Date.now() - active > 300000) return;
    try {
      const answer = await send(form.dataset.beatUrl, token());
      if (!answer.ok && answer.status !== 409) return;
      lost = answer.status === 409;
      const told = await answer.json();
      if (held) held.textContent = told.message;
    } catch { /* the next beat tries again */ }
  }
  setInterval(beat, 60000);
  window.addEventListener("pageshow", (event) => {
    const [entry] = performance.getEntriesByType("navigation");
    // Come back or loaded anew: closing it has shortened the claim.
    if (event.persisted || (entry && entry.type !== "navigate")) beat();
  });
  window.addEventListener("pagehide", () => { if (!leaving && !lost) navigator.sendBeacon(form.dataset.leaveUrl, token()); });
})();
