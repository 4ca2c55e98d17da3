// What a visitor has of many photos is kept in the browser (IndexedDB): captions and small pictures,
// never the photos themselves. A correction is kept by the photo's content and the model, so that it
// comes back with the photo, in whatever gallery.
(() => {
  const DAYS = 30; // after which what nobody has come back to is forgotten
  const TAB = "captioner-gallery"; // which gallery this tab shows, for a reload
  const HOUR = 36e5; // milliseconds
  const STORES = { galleries: "id", photos: ["gallery", "id"], corrections: "id" };

  let broken = false; // where a browser lets pages keep nothing, the gallery works all the same

  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  let opened = null;
  const database = () =>
    (opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open("captioner", 2);
      request.onupgradeneeded = () => {
        const there = request.result.objectStoreNames;
        for (const [name, keyPath] of Object.entries(STORES))
          if (!there.contains(name)) request.result.createObjectStore(name, { keyPath });
      };
      request.onsuccess = () => resolve(request.result);
      // An older version of this page, in another tab, holds on to an older form of it.
      request.onerror = request.onblocked = () => reject(request.error);
    }));

  // What `use` makes of a store; undefined where nothing can be kept.
  const at = async (store, mode, use) => {
    if (broken) return undefined;
    try {
      const transaction = (await database()).transaction(store, mode);
      const result = await use(transaction.objectStore(store));
      if (mode === "readwrite") await new Promise((kept, failed) => {
        transaction.oncomplete = kept;
        transaction.onerror = transaction.onabort = () => failed(transaction.error);
      });
      return result;
    } catch {
      broken = true;
      return undefined;
    }
  };

  const put = (store, value) => at(store, "readwrite", (open) => void open.put(value));
  const remove = (store, key) => at(store, "readwrite", (open) => void open.delete(key));
  const own = (gallery) => IDBKeyRange.bound([gallery], [gallery, []]);

  const tab = {
    get: () => captioner.remembered("sessionStorage", TAB),
    set: (id) => captioner.remember("sessionStorage", TAB, id),
  };

  const correctionId = (key, model, language) => `${key} ${model} ${language}`;

  captioner.drafts = {
    tab,
    isBroken: () => broken,
    saveGallery: (gallery) => put("galleries", { ...gallery, time: Date.now() }),
    savePhoto: (photo) => put("photos", photo),
    removeGallery: async (id) => {
      await remove("galleries", id);
      await remove("photos", own(id));
    },
    gallery: (id) => at("galleries", "readonly", (open) => done(open.get(id))),
    photos: async (id) => (await at("photos", "readonly", (open) => done(open.getAll(own(id))))) ?? [],

    latest: async () => {
      const all = (await at("galleries", "readonly", (open) => done(open.getAll()))) ?? [];
      return all.sort((a, b) => b.time - a.time).find((gallery) => gallery.order.length);
    },

    // Without a text, the caption is the model's again.
    correct: (key, model, language, text) => {
      const id = correctionId(key, model, language);
      return text === null ? remove("corrections", id) : put("corrections", { id, text, time: Date.now() });
    },
    correction: async (key, model, language) =>
      (await at("corrections", "readonly", (open) => done(open.get(correctionId(key, model, language)))))?.text ??
      null,

    forgetOld: async () => {
      const limit = Date.now() - DAYS * 24 * HOUR;
      const galleries = (await at("galleries", "readonly", (open) => done(open.getAll()))) ?? [];
      for (const { id, time } of galleries) if (time < limit) await captioner.drafts.removeGallery(id);
      const corrections = (await at("corrections", "readonly", (open) => done(open.getAll()))) ?? [];
      for (const { id, time } of corrections) if (time < limit) await remove("corrections", id);
    },

    forgetAll: async () => {
      for (const store of Object.keys(STORES))
        await at(store, "readwrite", (open) => void open.clear());
    },
  };
})();
