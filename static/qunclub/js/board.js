/* The board in an open page: what is new appears, what was seen is remembered, @ offers members. All of it works without. */
(() => {
  "use strict";
  const token = () => (document.querySelector("input[name=csrf_token]") || {}).value || "";

  /* ---- what was on the screen is read: the form that says so is sent quietly ---- */
  const mark = document.querySelector("form[data-seen]");
  function seen(upto) {
    if (!mark || document.visibilityState !== "visible") return;
    const body = new FormData(mark);
    body.set("upto", upto);
    fetch(mark.action, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRFToken": token() } })
      .then((answer) => { if (answer.ok) mark.hidden = true; })
      .catch(() => { /* the button is still there */ });
  }

  /* ---- asking whether something is new: often while there is life, seldom while there is none, never when hidden ---- */
  const place = document.querySelector("[data-news]");
  const more = document.querySelector("[data-show-news]");
  const FIRST = 4000;
  const LAST = 60000;
  let pause = FIRST;
  let timer = 0;
  let tag = place ? place.dataset.etag : "";
  let waiting = "";
  let asking = false;

  const busy = () => place.contains(document.activeElement) || place.querySelector("details[open]");

  function put(html, last) {
    place.innerHTML = html;
    place.dataset.last = last;
    waiting = "";
    if (more) more.hidden = true;
    document.dispatchEvent(new CustomEvent("board:news"));
    seen(last);
  }

  function later() {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(ask, pause);
  }

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(place.dataset.news, { cache: "no-store", headers: { "If-None-Match": tag } });
      if (answer.status === 304) pause = Math.min(pause * 1.5, LAST);
      else if (answer.ok && !answer.redirected) {
        const html = await answer.text();
        tag = answer.headers.get("ETag") || "";
        pause = FIRST;
        const last = answer.headers.get("X-Last") || "0";
        if (busy()) { waiting = html; place.dataset.waiting = last; if (more) more.hidden = false; }
        else put(html, last);
      } else pause = LAST;
    } catch { pause = Math.min(pause * 2, LAST); }
    asking = false;
    later();
  }

  if (place) {
    if (more) more.addEventListener("click", () => put(waiting, place.dataset.waiting || "0"));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") { clearTimeout(timer); return; }
      pause = FIRST;
      ask();
    });
    later();
    setTimeout(() => seen(place.dataset.last), 1500);
  }

  /* ---- @ and the beginning of a name: members to choose from; what is put in is the number ---- */
  function people(form) {
    const area = form.querySelector("textarea");
    if (!area) return;
    const list = document.createElement("ul");
    list.className = "qc-people";
    list.hidden = true;
    area.parentElement.classList.add("qc-people__at");
    area.after(list);
    let last = "";
    let wait = 0;
    const begun = () => {
      const found = /(?:^|[^A-Za-z0-9_.@/])@([^\s@]{1,20})$/.exec(area.value.slice(0, area.selectionStart));
      return found ? found[1] : "";
    };
    const close = () => { list.hidden = true; list.replaceChildren(); };
    const choose = (number, word) => {
      const at = area.selectionStart;
      area.setRangeText(`@${number} `, at - word.length - 1, at, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
      close();
      area.focus();
    };
    async function offer() {
      const word = begun();
      if (!word) { last = ""; close(); return; }
      if (word === last) return;
      last = word;
      let found = [];
      try {
        const answer = await fetch(`${form.dataset.people}?q=${encodeURIComponent(word)}`);
        if (answer.ok) found = (await answer.json()).people;
      } catch { /* without names, numbers do */ }
      if (word !== begun()) return;
      list.replaceChildren(...found.map((one) => {
        const row = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `${one.name} · ${one.number}`;
        button.addEventListener("click", () => choose(one.number, word));
        row.append(button);
        return row;
      }));
      list.hidden = !found.length;
    }
    area.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(offer, 200); });
    area.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") { event.preventDefault(); list.querySelector("button").focus(); }
      if (event.key === "Escape") { event.stopPropagation(); close(); }
    });
    list.addEventListener("keydown", (event) => {
      const row = document.activeElement.closest("li");
      const next = event.key === "ArrowDown" ? row.nextElementSibling : event.key === "ArrowUp" ? row.previousElementSibling : null;
      if (event.key === "Escape") { event.stopPropagation(); close(); area.focus(); }
      if (event.key === "ArrowUp" && !next) { event.preventDefault(); area.focus(); }
      else if (next) { event.preventDefault(); next.querySelector("button").focus(); }
    });
  }
  for (const form of document.querySelectorAll("form[data-people]")) people(form);
})();
