/* A door without a network: codes are looked up by their hash, who came is kept here and uploaded later. */
(() => {
  "use strict";
  const room = document.querySelector("[data-offline]");
  if (!room) return;
  const words = room.dataset;
  const part = (name) => room.querySelector(`[data-offline-${name}]`);
  const KEY = `qunclub:door:${words.list}`;
  const ENDED = ["left", "removed"];
  const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const read = (name) => { try { return JSON.parse(localStorage.getItem(`${KEY}:${name}`) || "null"); } catch { return null; } };
  const write = (name, value) => localStorage.setItem(`${KEY}:${name}`, JSON.stringify(value));
  let list = read("list");
  let checks = read("checks") || [];
  let looked = null;
  let sending = false;

  const over = () => !list || new Date(list.expires) <= new Date();

  function say(kind, title, text) {
    const box = part("say");
    box.hidden = false;
    box.dataset.kind = kind;
    box.querySelector("strong").textContent = title;
    box.querySelector("p").textContent = text || "";
  }

  function show() {
    const open = checks.filter((one) => !one.outcome).length;
    part("counts").textContent = words.counts.replace("{here}", checks.length).replace("{open}", open).replace("{all}", list ? list.entries.filter((one) => !ENDED.includes(one.door)).length : 0);
    part("upload").disabled = !open || sending;
    const place = part("checks");
    place.replaceChildren(...checks.slice(-30).reverse().map((one) => {
      const line = document.createElement("li");
      const name = document.createElement("strong");
      name.textContent = one.name;
      const how = document.createElement("div");
      how.className = "qc-muted";
      how.textContent = `${new Date(one.at).toLocaleTimeString()} · ${one.outcome ? one.message : words.waiting}`;
      line.append(name, how);
      return line;
    }));
    if (over() && list) {
      localStorage.removeItem(`${KEY}:list`);
      list = null;
    }
    if (!list && words.fetched === "yes") say("bad", words.over);
    part("form").hidden = !list;
  }

  function normal(text) {
    const last = text.trim().replace(/\/+$/, "").split("/").pop().split("?")[0].split(".")[0];
    return [...last.toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1")].filter((one) => LETTERS.includes(one)).join("");
  }

  async function digest(code) {
    const bytes = (text) => new TextEncoder().encode(text);
    const key = await crypto.subtle.importKey("raw", bytes(code), "PBKDF2", false, ["deriveBits"]);
    const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes(list.salt), iterations: Number(words.rounds) }, key, 128);
    return [...new Uint8Array(bits)].map((one) => one.toString(16).padStart(2, "0")).join("");
  }

  async function look(text) {
    looked = null;
    part("admit").hidden = true;
    if (over()) { show(); return; }
    const code = normal(text);
    const hash = code.length === 12 ? await digest(code) : "";
    const entry = list.entries.find((one) => one.h === hash);
    if (!entry) { say("bad", words.unknown); return; }
    const who = `${entry.name}${entry.number ? ` · ${entry.number}` : ""}`;
    const before = checks.find((one) => one.h === hash);
    if (before) { say("bad", who, words.here.replace("{at}", new Date(before.at).toLocaleTimeString())); return; }
    if (entry.door !== "admit") { say("bad", who, [room.querySelector(`[data-door="${entry.door}"]`).textContent, entry.why].filter(Boolean).join(" · ")); return; }
    looked = { code, h: hash, name: who };
    say("good", who, words.good);
    part("admit").hidden = false;
    part("admit").focus();
  }

  function admit() {
    if (!looked) return;
    const key = [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
    checks.push({ ...looked, key, at: new Date().toISOString() });
    write("checks", checks);
    say("good", looked.name, words.admitted);
    looked = null;
    part("admit").hidden = true;
    part("code").value = "";
    show();
    send();
  }

  async function send() {
    const open = checks.filter((one) => !one.outcome);
    if (!open.length || sending) return;
    sending = true;
    show();
    try {
      const { token } = await (await fetch(words.token, { headers: { Accept: "application/json" }, redirect: "error" })).json();
      for (let at = 0; at < open.length; at += 50) {
        const some = open.slice(at, at + 50).map(({ key, code, at: when }) => ({ key, code, at: when }));
        const answer = await fetch(words.upload, {
          method: "POST", redirect: "error", body: JSON.stringify({ checks: some }),
          headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        });
        if (!answer.ok) throw new Error(String(answer.status));
        for (const done of (await answer.json()).results) {
          const one = checks.find((mine) => mine.key === done.key);
          /* The code is not needed any more once the club has it. */
          if (one) { one.outcome = done.outcome; one.message = done.message; delete one.code; }
        }
        write("checks", checks);
      }
      const odd = checks.filter((one) => one.outcome && one.outcome !== "admitted").length;
      part("state").textContent = odd ? words.conflicts.replace("{n}", odd) : words.uploaded;
    } catch { part("state").textContent = words.later; }
    sending = false;
    show();
  }

  async function fetchList() {
    if (!list) {
      try {
        const answer = await fetch(words.data, { headers: { Accept: "application/json" }, redirect: "error" });
        if (answer.ok) { list = await answer.json(); write("list", list); }
        words.fetched = "yes";
      } catch { words.fetched = "yes"; }
    }
    show();
  }

  async function keep() {
    if (!("serviceWorker" in navigator)) { part("ready").textContent = words.nokeep; return; }
    try {
      await navigator.serviceWorker.register(words.worker);
      const worker = (await navigator.serviceWorker.ready).active;
      navigator.serviceWorker.addEventListener("message", (event) => {
        if (event.data && event.data.kept && list) part("ready").textContent = words.ready;
      });
      if (!navigator.onLine) { if (list) part("ready").textContent = words.ready; return; }
      const kinds = ["css", "img", "link", "script"];
      const loaded = performance.getEntriesByType("resource").filter((one) => kinds.includes(one.initiatorType)).map((one) => one.name);
      const named = [...document.querySelectorAll('link[rel="stylesheet"], script[src], img[src]')].map((one) => one.href || one.src);
      const files = new Set([...loaded, ...named].filter((one) => one.startsWith(location.origin)));
      worker.postMessage({ keep: [location.pathname, ...files] });
    } catch { part("ready").textContent = words.nokeep; }
  }

  part("form").addEventListener("submit", (event) => { event.preventDefault(); look(part("code").value); });
  part("admit").addEventListener("click", admit);
  part("upload").addEventListener("click", send);
  room.addEventListener("qc:code", (event) => look(event.detail));
  window.addEventListener("online", send);
  fetchList().then(keep).then(send);
})();
