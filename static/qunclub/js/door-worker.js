/* Keeps the page of a list for a place without a network: asked for at the club first, else from what was kept. */
"use strict";
const SHELF = "qunclub-door-1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { keep } = event.data || {};
  if (!Array.isArray(keep)) return;
  event.waitUntil((async () => {
    const shelf = await caches.open(SHELF);
    await Promise.all(keep.map(async (address) => {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) await shelf.put(address, answer);
    }));
    if (event.source) event.source.postMessage({ kept: keep.length });
  })());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith((async () => {
    try {
      return await fetch(event.request);
    } catch (error) {
      const kept = await (await caches.open(SHELF)).match(event.request, { ignoreVary: true });
      if (kept) return kept;
      throw error;
    }
  })());
});
