/* The camera at the door: the browser reads the code where it can, else frames go to the club, which keeps none. */
(() => {
  "use strict";
  const room = document.querySelector("[data-camera]");
  if (!room || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return;
  const part = (name) => room.querySelector(`[data-camera-${name}]`);
  const video = part("video"), view = part("view"), start = part("start"), say = part("say");
  const canvas = document.createElement("canvas");
  const SIDE = 960, PAUSE = 350;
  let stream = null, detector = null, timer = 0, wrong = false;
  if (room.dataset.read) room.hidden = false;
  else native().then((found) => { room.hidden = !found; });

  async function native() {
    if (!("BarcodeDetector" in window)) return null;
    try {
      const known = await window.BarcodeDetector.getSupportedFormats();
      return known.includes("qr_code") ? new window.BarcodeDetector({ formats: ["qr_code"] }) : null;
    } catch { return null; }
  }

  function stop() {
    clearTimeout(timer);
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = null;
    video.srcObject = null;
    view.hidden = true;
    start.hidden = false;
    say.textContent = "";
  }

  async function begin() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "environment", width: { ideal: 1280 } } });
    } catch { say.textContent = room.dataset.denied; return; }
    wrong = false;
    detector = await native();
    video.srcObject = stream;
    view.hidden = false;
    start.hidden = true;
    say.textContent = room.dataset.looking;
    await video.play();
    timer = setTimeout(look, PAUSE);
  }

  function frame() {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
  }

  async function sent() {
    const body = new FormData();
    if (detector) {
      const found = await detector.detect(video);
      if (!found.length) return null;
      if (!room.dataset.read) {
        /* Without a network: whoever keeps the list looks it up. */
        room.dispatchEvent(new CustomEvent("qc:code", { bubbles: true, detail: found[0].rawValue }));
        stop();
        return null;
      }
      body.append("text", found[0].rawValue);
    } else {
      const picture = await frame();
      if (!picture) return null;
      body.append("frame", picture, "frame.jpg");
    }
    /* A wrong code that stays before the camera is one try at the door, not three a second. */
    if (wrong) body.append("again", "yes");
    return fetch(room.dataset.read, { method: "POST", body, headers: { "X-CSRFToken": room.dataset.token, Accept: "application/json" } });
  }

  async function look() {
    if (!stream) return;
    try {
      const answer = video.videoWidth ? await sent() : null;
      if (answer && answer.status === 200) {
        const { page } = await answer.json();
        if (navigator.vibrate) navigator.vibrate(60);
        stop();
        location.assign(page);
        return;
      }
      if (!answer || answer.status !== 429) wrong = Boolean(answer && answer.status === 404);
      if (answer && answer.status === 404) say.textContent = (await answer.json()).error;
      else if (answer && answer.status === 429) { timer = setTimeout(look, 10 * PAUSE); return; }
      else say.textContent = room.dataset.looking;
    } catch { say.textContent = room.dataset.lost; }
    timer = setTimeout(look, PAUSE);
  }

  start.addEventListener("click", begin);
  part("stop").addEventListener("click", stop);
  window.addEventListener("pagehide", stop);
})();
