/* Homework as it is written: kept at the club while typing, in this browser while offline, sent with progress. */
(() => {
  "use strict";
  const words = (document.getElementById("qc-work-words") || {}).dataset;
  if (!words) return;
  const key = `qunclub:work:${words.key}`;
  const kept = {
    read() { try { return JSON.parse(localStorage.getItem(key) || "null"); } catch { return null; } },
    write(value) { try { localStorage.setItem(key, JSON.stringify(value)); return true; } catch { return false; } },
    drop() { try { localStorage.removeItem(key); } catch { /* forbidden */ } },
  };
  const form = document.querySelector("form[data-work]");
  const failed = document.querySelector(".qc-errors, [data-error]");
  const old = kept.read();
  if (!form) {
    /* Handed in: the club has it. */
    if (old && old.sent && !failed) kept.drop();
    return;
  }
  const area = form.elements.body_md;
  /* Homework may take no link. */
  const link = form.elements.link || { value: "", defaultValue: "", addEventListener() {} };
  const version = form.elements.draft_version;
  const status = document.getElementById("qc-kept");
  const token = form.querySelector('input[type="hidden"]:not([name="draft_version"])');
  let saved = { text: area.defaultValue, link: link.defaultValue };
  let timer = 0;
  let busy = false;
  let asking = false;
  let sending = false;

  const say = (text) => { status.textContent = text; };
  const base = () => Number(version.value) || 0;
  const typed = () => ({ text: area.value, link: link.value });
  const same = (a, b) => a.text === b.text && (a.link || "") === (b.link || "");
  const fill = (other) => { area.value = other.text; link.value = other.link || ""; };
  const keep = (more) => kept.write({ ...typed(), base: base(), ...more });

  function notice(said, choices, other) {
    const box = document.createElement("div");
    box.className = "qc-notice qc-notice--warning";
    box.setAttribute("role", "alert");
    const inner = document.createElement("div");
    const line = document.createElement("p");
    line.textContent = said;
    inner.append(line);
    const show = (kind, label, value) => {
      const box = document.createElement(kind);
      box.className = "form-control";
      box.readOnly = true;
      box.value = value;
      box.setAttribute("aria-label", label);
      inner.append(box);
      return box;
    };
    if (other) {
      show("textarea", words.other, other.text).rows = 8;
      if (other.link) show("input", words.otherlink, other.link);
    }
    const row = document.createElement("div");
    row.className = "qc-actions mt-2";
    for (const [label, act] of choices) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-outline-secondary btn-sm";
      button.textContent = label;
      button.addEventListener("click", () => { box.remove(); act(); });
      row.append(button);
    }
    inner.append(row);
    box.append(inner);
    area.closest(".qc-field").before(box);
  }

  /* ---- the draft ---- */
  function both(said, theirs, theirVersion) {
    asking = true;
    say("");
    notice(said, [
      [words.mine, () => { asking = false; version.value = theirVersion; keep(); save(); }],
      [words.theirs, () => {
        asking = false;
        version.value = theirVersion;
        fill(theirs);
        saved = theirs;
        keep();
        area.focus();
      }],
    ], theirs);
  }

  async function save() {
    clearTimeout(timer);
    if (busy || asking || sending || same(typed(), saved)) return;
    busy = true;
    const now = typed();
    const data = new URLSearchParams({ body_md: now.text, draft_version: base() });
    if (form.elements.link) data.set("link", now.link);
    try {
      const answer = await fetch(words.draft, {
        method: "POST", body: data, headers: { Accept: "application/json", "X-CSRFToken": token.value },
      });
      const told = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
      if (answer.ok && told.version) {
        saved = now;
        version.value = told.version;
        keep();
        say(told.said);
      } else if (answer.status === 409) {
        both(told.said, { text: told.body, link: told.link }, told.version);
      } else {
        say(told.said || words.here);
      }
    } catch {
      say(words.here);
      timer = setTimeout(save, 15000);
    }
    busy = false;
    if (!asking && !same(typed(), now)) later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(save, 1200);
  }

  for (const field of [area, link]) {
    field.addEventListener("input", () => {
      if (!keep()) say(words.full);
      later();
    });
  }
  window.addEventListener("online", save);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(); });
  window.addEventListener("beforeunload", (event) => {
    const here = kept.read();
    if (!sending && !same(typed(), saved) && !(here && same(here, typed()))) event.preventDefault();
  });

  if (old && (old.text || old.link) && !same(old, typed()) && !failed) {
    if (old.sent && old.base < base()) {
      /* It was handed in; what stands here came after. */
      kept.drop();
    } else if (old.base === base()) {
      fill(old);
      say(words.back);
      later();
    } else {
      const theirs = typed();
      fill(old);
      both(words.two, theirs, base());
    }
  }

  /* ---- files ---- */
  const drop = form.querySelector("[data-drop]");
  const input = form.elements.files;
  const list = drop && drop.querySelector(".qc-files");
  const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
  let chosen = [];

  function put(files) {
    const bag = new DataTransfer();
    for (const file of files) bag.items.add(file);
    input.files = bag.files;
    chosen = [...input.files];
    list.replaceChildren(...chosen.map((file, at) => {
      const row = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = file.name;
      const much = document.createElement("span");
      much.className = "qc-muted";
      much.textContent = size(file.size);
      const out = document.createElement("button");
      out.type = "button";
      out.className = "btn btn-outline-secondary btn-sm";
      out.textContent = words.remove;
      out.setAttribute("aria-label", `${words.remove}: ${file.name}`);
      out.addEventListener("click", () => { put(chosen.filter((_, n) => n !== at)); input.focus(); });
      row.append(name, much, out);
      return row;
    }));
  }

  function receive() {
    drop.querySelector(".qc-drop__hint").hidden = false;
    input.addEventListener("change", () => put([...chosen, ...input.files].filter(
      (file, at, all) => all.findIndex((other) => other.name === file.name && other.size === file.size) === at,
    )));
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
    }
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      put([...chosen, ...event.dataTransfer.files]);
    });
  }
  /* Homework may take no files. */
  if (drop) receive();

  /* ---- handing in ---- */
  const bar = form.querySelector(".qc-sending");
  const meter = bar.querySelector("progress");

  function wrong(messages) {
    sending = false;
    delete form.dataset.sent;
    bar.hidden = true;
    keep();
    for (const box of form.querySelectorAll(".qc-errors")) box.remove();
    const box = document.createElement("div");
    box.className = "qc-notice qc-notice--danger qc-errors";
    box.setAttribute("role", "alert");
    box.tabIndex = -1;
    const lines = document.createElement("ul");
    for (const message of messages) {
      const line = document.createElement("li");
      line.textContent = message;
      lines.append(line);
    }
    box.append(lines);
    form.prepend(box);
    box.focus();
  }

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && (button.name === "preview" || button.hasAttribute("formaction"))) return;
    keep({ sent: true });
    event.preventDefault();
    if (sending) return;
    sending = true;
    clearTimeout(timer);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "text";
    bar.hidden = !chosen.length;
    request.upload.addEventListener("progress", (step) => {
      if (step.lengthComputable) { meter.max = step.total; meter.value = step.loaded; }
    });
    request.addEventListener("load", () => {
      let told = null;
      try { told = JSON.parse(request.responseText); } catch { /* a page */ }
      if (told && told.to) {
        saved = typed();
        const here = location.pathname + location.search;
        if (told.to.split("#")[0] === here) { location.hash = "mine"; location.reload(); } else location.assign(told.to);
        return;
      }
      if (told && told.errors) { wrong(told.errors); return; }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const found = page.querySelector("[data-error], main h1");
      wrong([found ? found.textContent.replace(/\s+/g, " ").trim() : words.failed]);
    });
    request.addEventListener("error", () => wrong([words.failed]));
    request.send(new FormData(form));
  });
})();
