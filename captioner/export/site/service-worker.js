// Keeps every file of the site that was fetched, for when there is no network. `captioner export`
// gives each version of a site a cache of its own: VERSION stands for the files' checksum.

const SITE = `captioner ${location.pathname}`;
const CACHE = `${SITE} VERSION`;
const SHELL = [
  ".", "app.js", "beam.js", "captioner.js", "files.json", "index.html", "languages.json",
  "preprocessing.js", "style.css", "text.js", "trigrams.js", "words.js", "worker.js",
];

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const others = (await caches.keys()).filter((name) => name.startsWith(SITE) && name !== CACHE);
      await Promise.all(others.map((name) => caches.delete(name)));
      await clients.claim();
    })(),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const isOwn = new URL(request.url).origin === location.origin;
  if (request.method === "GET" && isOwn) event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.status === 200) await cache.put(request, fresh.clone()).catch(() => {}); // a full disk
  return fresh;
}
