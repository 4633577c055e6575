/* Recording a spoken comment; without this a sound file can be added by the form. */
(() => {
  "use strict";
  const form = document.getElementById("desk-form");
  const box = document.getElementById("voice-recorder");
  if (!form || !box) return;
  const list = document.getElementById("desk-voices");
  const status = document.getElementById("voice-status");
  const words = box.dataset;
  const button = box.querySelector('[data-voice="record"]');
  const label = button.querySelector("span");
  const time = box.querySelector('[data-voice="time"]');
  const file = form.elements.namedItem("voice");
  let recorder = null, unsent = null, ticking = 0;

  function added(told) {
    const row = document.getElementById("voice-row").content.firstElementChild.cloneNode(true);
    row.querySelector("input").value = told.id;
    row.querySelector("audio").src = told.url;
    row.querySelector("button").value = told.id;
    list.append(row);
    status.textContent = words.kept;
  }
  async function send(blob, name) {
    unsent = { blob, name };
    status.textContent = words.sending;
    const body = new FormData();
    body.set(form.elements[0].name, form.elements[0].value);
    body.set("voice", blob, name);
    try {
      const answer = await fetch(words.url, { method: "POST", body, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (answer.ok) { unsent = null; added(told); } else { status.textContent = told.message; if (answer.status === 422) unsent = null; }
    } catch {
      status.textContent = words.failed;
    }
    label.textContent = unsent ? words.again : words.record;
  }
  file.addEventListener("change", async () => {
    const [one] = file.files;
    if (!one) return;
    await send(one, one.name);
    if (!unsent) file.value = "";
  });

  if (!window.MediaRecorder || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return;
  box.hidden = false;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  async function record() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      status.textContent = words.denied;
      return;
    }
    const pieces = [];
    let seconds = 0;
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", (event) => { if (event.data.size) pieces.push(event.data); });
    recorder.addEventListener("stop", () => {
      clearInterval(ticking);
      time.textContent = "";
      for (const track of stream.getTracks()) track.stop();
      const type = recorder.mimeType;
      recorder = null;
      label.textContent = words.record;
      if (pieces.length) send(new Blob(pieces, { type }), "recording");
    });
    recorder.start(1000);
    label.textContent = words.stop;
    status.textContent = "";
    time.textContent = clock(0);
    ticking = setInterval(() => {
      seconds += 1;
      time.textContent = clock(seconds);
      if (seconds >= Number(words.seconds) && recorder) recorder.stop();
    }, 1000);
  }
  button.addEventListener("click", () => {
    if (recorder) recorder.stop();
    else if (unsent) send(unsent.blob, unsent.name);
    else record();
  });
  window.addEventListener("beforeunload", (event) => { if (recorder || unsent) event.preventDefault(); });
})();
