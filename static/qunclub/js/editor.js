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

  /* Files put into the text by button, paste or drop: sent at once, and named where the cursor is. */
  function insert(area, text) {
    const at = area.selectionStart;
    const before = at && area.value[at - 1] !== "\n" ? "\n\n" : "";
    area.setRangeText(`${before}${text}\n`, at, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function choose(name) {
    const select = document.querySelector("select[name=media]");
    if (select) select.append(new Option(name, name));
  }

  function sender(zone, area) {
    const status = document.createElement("p");
    status.className = "form-text";
    status.setAttribute("role", "status");
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.hidden = true;
    bar.className = "w-100";
    const say = (words, name = "", percent = "") => {
      status.textContent = words.replace("{name}", name).replace("{percent}", percent);
    };
    const send = (file) => new Promise((done) => {
      const form = new FormData();
      form.append("files", file, file.name || "pasted.png");
      const request = new XMLHttpRequest();
      request.open("POST", zone.dataset.mediaDrop);
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRFToken", area.form.querySelector("[name=csrf_token]").value);
      request.upload.addEventListener("progress", (event) => {
        const percent = event.lengthComputable ? Math.floor((100 * event.loaded) / event.total) : 0;
        bar.hidden = false;
        bar.value = percent;
        say(words.sending, file.name, `${percent} %`);
      });
      request.addEventListener("loadend", () => {
        bar.hidden = true;
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* an error page */ }
        if (request.status === 200 && answer.files) {
          for (const one of answer.files) { insert(area, one.markdown); choose(one.name); say(words.sent, one.name); }
        } else say(answer.error || words.failed);
        done();
      });
      request.send(form);
    });
    let queue = Promise.resolve();
    const all = (files) => { for (const file of files) queue = queue.then(() => send(file)); };
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.hidden = true;
    input.addEventListener("change", () => { all([...input.files]); input.value = ""; });
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline-secondary btn-sm";
    button.textContent = words.add;
    button.addEventListener("click", () => input.click());
    const hint = document.createElement("span");
    hint.className = "qc-muted";
    hint.textContent = words.hint;
    const row = document.createElement("div");
    row.className = "qc-actions mb-2";
    row.append(button, hint);
    zone.append(row, input, bar, status);
    area.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length) { event.preventDefault(); all(files); }
    });
    zone.addEventListener("dragover", (event) => {
      if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
    });
    zone.addEventListener("drop", (event) => {
      const files = [...event.dataTransfer.files];
      if (files.length) { event.preventDefault(); all(files); }
    });
  }

  for (const zone of document.querySelectorAll("[data-media-drop]")) {
    const area = zone.querySelector("textarea");
    if (area) sender(zone, area);
  }

  window.addEventListener("load", () => {
    for (const area of document.querySelectorAll("form[data-editor] textarea[data-draft]")) watch(area);
  });
})();
