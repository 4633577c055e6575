/* Goes on where the reader was, and tells the club where they are: in the text by thousandths, in the medium by seconds. */
(() => {
  "use strict";
  const place = document.getElementById("qc-place");
  if (!place) return;
  const text = document.querySelector(".qc-lesson__body .qc-prose");
  const medium = document.querySelector("[data-medium]");
  const data = place.dataset;
  const known = { text: Number(data.text), media: Number(data.media) };

  const where = () => {
    if (!text) return known.text;
    const box = text.getBoundingClientRect();
    if (!box.height || box.bottom <= innerHeight) return 1000;
    return Math.max(0, Math.min(1000, Math.round((-box.top / box.height) * 1000)));
  };

  const send = () => {
    const now = { text: where(), media: medium ? Math.floor(medium.currentTime) : known.media };
    if (medium && !medium.dataset.ready) now.media = known.media;
    if (now.text === known.text && now.media === known.media) return;
    const form = new FormData();
    form.append("text", now.text);
    if (medium) form.append("media", now.media);
    Object.assign(known, now);
    /* keepalive: it is delivered even when the page is left; a beacon could not carry the token's header. */
    fetch(data.post, { method: "POST", body: form, keepalive: true, headers: { "X-CSRFToken": data.token } }).catch(() => {});
  };

  const resume = () => {
    const box = text ? text.getBoundingClientRect() : null;
    if (box && known.text > 20 && known.text < 1000 && !location.hash && scrollY < 10) {
      scrollTo(0, box.top + scrollY + (box.height * known.text) / 1000);
    }
    place.hidden = !(known.text > 20 && known.text < 1000) && !known.media;
  };

  if (medium) {
    const set = () => {
      if (known.media && known.media < medium.duration - 3) medium.currentTime = known.media;
      medium.dataset.ready = "1";
    };
    if (medium.readyState >= 1) set(); else medium.addEventListener("loadedmetadata", set, { once: true });
    medium.addEventListener("pause", send);
  }
  place.querySelector("[data-from-start]").addEventListener("click", () => {
    if (medium) medium.currentTime = 0;
    scrollTo(0, 0);
    place.hidden = true;
  });
  addEventListener("load", resume, { once: true });
  setInterval(send, 10000);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
  addEventListener("pagehide", send);
})();
