/* Lessons are put in order by dragging, or with their arrows: the whole order is sent, and focus stays where it was. */
(() => {
  "use strict";
  const body = document.querySelector("[data-order]");
  if (!body) return;
  const said = document.querySelector("[data-order-said]");
  const token = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
  const rows = () => [...body.querySelectorAll("tr[data-lesson]")];
  let dragged = null;
  let before = [];
  let sending = Promise.resolve();

  function number() {
    rows().forEach((row, index) => { row.querySelector("[data-place]").textContent = index + 1; });
  }

  function tell(row) {
    const place = rows().indexOf(row) + 1;
    said.textContent = said.dataset.said.replace("{title}", row.dataset.title).replace("{n}", place);
  }

  function keep(row) {
    number();
    const form = new FormData();
    for (const one of rows()) form.append("lesson", one.dataset.lesson);
    /* One after the other: the last order that was seen is the last that is kept. */
    sending = sending.then(() => fetch(body.dataset.order, { method: "POST", body: form, headers: token }))
      .then((answer) => {
        if (!answer.ok) throw new Error(answer.status);
        tell(row);
      })
      .catch(() => {
        window.alert(said.dataset.failed);
        location.reload();
      });
  }

  for (const row of rows()) {
    const grip = row.querySelector("[data-grip]");
    grip.hidden = false;
    /* Only the handle starts a drag: text in the row can still be marked. */
    grip.addEventListener("pointerdown", () => { row.draggable = true; });
    grip.addEventListener("pointerup", () => { row.draggable = false; });
    row.addEventListener("dragstart", (event) => {
      dragged = row;
      before = rows();
      row.classList.add("is-dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", row.dataset.title);
    });
    row.addEventListener("dragend", () => {
      row.draggable = false;
      row.classList.remove("is-dragged");
      if (dragged && rows().some((one, index) => one !== before[index])) keep(row);
      dragged = null;
    });
  }

  body.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target instanceof Element ? event.target.closest("tr[data-lesson]") : null;
    if (!over || over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  body.addEventListener("drop", (event) => event.preventDefault());

  body.addEventListener("submit", (event) => {
    const form = event.target;
    const row = form.closest("tr[data-lesson]");
    if (!row || !form.dataset.move) return;
    event.preventDefault();
    event.stopPropagation();
    const next = form.dataset.move === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (!next) return;
    if (form.dataset.move === "up") next.before(row);
    else next.after(row);
    form.querySelector("button").focus();
    keep(row);
  });

  document.querySelector("[data-order-hint]").hidden = false;
})();
