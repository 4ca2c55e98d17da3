// Many photos: the gallery, which is the browser's. It knows each photo's captions and what a person
// made of them, draws the cards as they come into view, and keeps all of it, see drafts.js.
(() => {
  const MOST = 500; // photos, as in zips.py
  const NEAR = "1000px"; // of what is seen, within which a card is filled
  const BUDGET = 8; // milliseconds in one go for that, half a frame
  const BY_HAND = "by hand"; // stopped so, what waits is not asked for after a reload

  let root = null; // the element that holds the gallery
  let server = null; // what gradio lets it ask
  let gallery = null; // the one that is shown
  let changed = false; // since the last download

  const part = (selector) => root.querySelector(selector);
  const parts = (selector) => [...root.querySelectorAll(selector)];

  // ---- What is known of a photo ----

  const newId = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;

  // source: the file, while this page has it. captions: as gallery.py gives them. edits: what a person
  // wrote, and picked: which of the next best sentences was chosen, each by the language.
  const newItem = (source, name, more = {}) => ({
    id: newId(), source, name, state: "waiting", edits: {}, picked: {}, ...more,
  }); // prettier-ignore

  captioner.chosen = (item, own) => {
    const n = item.picked[own.row.language] ?? 0;
    return n ? own.alternatives[n - 1] : { ...own.row, level: own.level, certainty: own.certainty };
  };

  captioner.textOf = (item, own) => item.edits[own.row.language] ?? captioner.chosen(item, own).caption;

  // What stands in the downloads: of a caption that a person changed, the model's numbers do not hold.
  const rowsOf = (item) => {
    if (!item.captions) return [{ image: item.name, error: item.errorRow }];
    return item.captions.map((own) => {
      const { caption, log_prob, score } = captioner.chosen(item, own);
      const { image, language, model } = own.row;
      const edit = item.edits[language];
      if (edit === undefined) return { image, language, caption, log_prob, score, model };
      return { image, language, caption: edit, model, edited: true, original: caption };
    });
  };

  // A photo that is captioned anew keeps what it has until then.
  const isThere = (item) => item.state === "done" || Boolean(item.captions ?? item.error);

  const certainty = (item) =>
    item.captions ? Math.min(...item.captions.map((own) => own.certainty)) : -1;

  // ---- Keeping ----

  const keepOrder = (own) => {
    const order = own.items.filter(isThere).map((item) => item.id);
    const left = own.stopped === BY_HAND ? 0 : own.items.length - order.length;
    captioner.drafts.saveGallery({ id: own.id, order, left });
  };

  const keep = (own, { id, name, path, imageId, key, picture, captions, picked, error, errorRow }) =>
    captioner.drafts.savePhoto({
      gallery: own.id, id, name, path, imageId, key, picture, captions, picked, error, errorRow,
    }); // prettier-ignore

  const correct = (item, own, text) => {
    const { language, model } = own.row;
    const same = text === captioner.chosen(item, own).caption;
    if (same) delete item.edits[language];
    else item.edits[language] = text;
    changed = true;
    captioner.drafts.correct(item.key, model, language, same ? null : text);
  };

  const recall = async (item) => {
    for (const own of item.captions ?? []) {
      const { language, model } = own.row;
      const text = await captioner.drafts.correction(item.key, model, language);
      if (text !== null && text !== captioner.chosen(item, own).caption) item.edits[language] = text;
    }
  };

  // ---- Cards ----

  const near = []; // cards that are to be filled
  let filling = null;

  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) near.push(target);
      fillSome();
    },
    { rootMargin: NEAR },
  );

  // A few at a time: somebody may be scrolling.
  const fillSome = () => {
    const end = performance.now() + BUDGET;
    while (near.length && performance.now() < end) fill(itemOf(near.shift()));
    clearTimeout(filling);
    if (near.length) filling = setTimeout(fillSome);
  };

  const itemOf = (element) => {
    const id = element.closest(".card")?.dataset.id;
    return gallery.items.find((item) => item.id === id);
  };

  const fill = (item) => {
    if (!item || item.filled) return;
    watcher.unobserve(item.card);
    item.filled = true;
    const focused = item.card.contains(document.activeElement) ? document.activeElement.className : null;
    captioner.fillCard(item.card, item);
    item.card.removeAttribute("aria-busy");
    if (focused === null) return;
    const same = focused && item.card.querySelector(`.${focused}`);
    (same || item.card.querySelector("textarea, button"))?.focus({ preventScroll: true });
  };

  const refill = (item) => {
    item.filled = false;
    watcher.unobserve(item.card);
    watcher.observe(item.card);
  };

  const place = (item) => {
    if (item.card) return refill(item);
    item.card = captioner.shell(item);
    item.card.hidden = !matches(item);
    const list = shown();
    const after = list.slice(list.indexOf(item) + 1).find((other) => other.card);
    part(".cards").insertBefore(item.card, after?.card ?? null);
    watcher.observe(item.card);
  };

  // ---- Finding and sorting ----

  const isSorted = () => part(".sort").getAttribute("aria-pressed") === "true";

  const shown = () => {
    const there = gallery.items.filter(isThere);
    return isSorted() ? there.sort((a, b) => certainty(a) - certainty(b)) : there;
  };

  const matches = (item) => {
    const wanted = part(".filter").value.trim().toLowerCase();
    const texts = [item.name, ...(item.captions ?? []).map((own) => captioner.textOf(item, own))];
    return !wanted || texts.some((text) => text.toLowerCase().includes(wanted));
  };

  const filter = () => {
    for (const item of shown()) item.card.hidden = !matches(item);
    const count = shown().filter((item) => !item.card.hidden).length;
    captioner.announce(captioner.word("found", count));
  };

  // Moving the card that is being worked at would take the focus from it.
  const sort = () => {
    const focused = document.activeElement;
    part(".cards").append(...shown().map((item) => item.card));
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  };

  // ---- How it goes ----

  const refocus = () =>
    [".go-on", "#photos input"].map(part).find((own) => own.checkVisibility())?.focus({ preventScroll: true });

  const show = (selector, isShown) => {
    const hidden = part(selector);
    // The focus must not fall to the page's start with what is hidden.
    const focused = hidden.contains(document.activeElement);
    hidden.hidden = !isShown;
    if (!isShown && focused) refocus();
  };

  const warn = (...told) => part(".notice").replaceChildren(...(told.length ? captioner.said(...told) : []));

  const tell = (sentences) =>
    part(".notice").replaceChildren(
      ...(typeof sentences === "string"
        ? [sentences]
        : Object.entries(sentences).map(([lang, text]) => captioner.make("span", { class: `in-${lang}`, lang }, text))),
    );

  const numbers = () => {
    const total = gallery.items.length;
    const done = gallery.items.filter((item) => item.state === "done");
    return { total, done: done.length, captioned: done.filter((item) => item.captions).length };
  };

  let quarter = 0;

  const progress = () => {
    const { total, done } = numbers();
    part("progress").max = total || 1;
    part("progress").value = done;
    part("#progress-count").replaceChildren(...captioner.said("progress", done, total));
    const reached = Math.floor((4 * done) / (total || 1));
    if (reached > quarter && reached < 4) captioner.announce(captioner.word("progress", done, total));
    quarter = reached;
  };

  const outcome = () => {
    const { total, done, captioned } = numbers();
    if (!total) return [];
    if (done < total) return captioner.said("stopped", captioned, total);
    if (captioned < total) return captioner.said("done_except", captioned, total);
    return captioner.said("done", total);
  };

  const update = () => {
    const { total, done } = numbers();
    const running = gallery.runner.isRunning();
    part(".album").classList.toggle("filled", total > 0);
    progress();
    show(".go-on", !running && done < total);
    show(".run", running);
    show(".review", gallery.items.some(isThere));
    show(".kept", gallery.items.some(isThere) && !captioner.drafts.isBroken());
    part(".end [role=status]").replaceChildren(...(running ? [] : outcome()));
  };

  // ---- What the runner tells ----

  // own: the gallery that it works for, which may be another than the one that is shown by now.
  const handlersOf = (own) => ({
    waiting: () => own.items.filter((item) => item.state === "waiting" && (!own.stopped || item.urgent)),
    fields: async () => [captioner.language(), ...(await captioner.choices()).fields.slice(1)],
    both: () => part(".both").checked,
    began: update,
    ended: update,
    away: (isAway) => (isAway ? warn("away") : warn()),

    unpack: (item, photos) => {
      const members = photos.map(({ name, error, error_row: errorRow }) =>
        error
          ? newItem(item.source, name, { state: "done", error, errorRow, path: name })
          : newItem(item.source, name, { member: name }),
      );
      own.items.splice(own.items.indexOf(item), 1, ...members);
      tooMany(own);
      for (const member of members) if (member.error) finish(own, member);
      update();
    },

    take: async (item, answer) => {
      const { key, picture, path, image_id: imageId, captions, error, error_row: errorRow } = answer;
      Object.assign(item, { key, picture, path, imageId, captions, error, errorRow, picked: {}, edits: {} });
      Object.assign(item, { state: "done", urgent: false });
      await recall(item);
      if (!hasTwin(own, item)) finish(own, item);
    },

    note: (sentences) => {
      if (sentences) tell(sentences);
      else if (own.isNoted) warn();
      own.isNoted = Boolean(sentences);
    },

    fail: (items, problem) => {
      for (const item of items) {
        const error = problem ?? captioner.inAll("unreadable", item.name);
        Object.assign(item, { state: "done", urgent: false, path: item.name });
        if (!item.captions) Object.assign(item, { error, errorRow: error.en });
        finish(own, item);
      }
    },

    halt: (problem) => {
      own.stopped = true;
      for (const item of own.items) item.urgent = false;
      tell(problem);
    },
  });

  const finish = (own, item) => {
    if (own.forgotten) return; // photos that were on their way then
    keep(own, item);
    keepOrder(own);
    if (own !== gallery) return;
    place(item);
    update();
  };

  // A photo of before, without its file since the page was loaded anew, has been given again.
  const hasTwin = (own, item) => {
    const before = own.items.find((other) => other !== item && !other.source && other.key && other.key === item.key);
    if (!before) return false;
    own.items.splice(own.items.indexOf(item), 1);
    Object.assign(before, { source: item.source, member: item.member });
    if (own === gallery) {
      refill(before);
      update();
    }
    return true;
  };

  const tooMany = (own) => {
    if (own.items.length <= MOST) return;
    own.items.length = MOST;
    warn("too_many", MOST);
  };

  const start = (id = newId()) => {
    gallery = { id, items: [], stopped: false };
    gallery.runner = captioner.runner({ server, ...handlersOf(gallery) });
    part(".cards").replaceChildren();
    warn();
  };

  const isZip = (file) => /\.zip$/i.test(file.name) || /zip/.test(file.type);

  const take = async (files) => {
    warn();
    const fitting = await captioner.fitting(files, warn);
    if (!fitting.length) return;
    offer();
    gallery.stopped = false;
    gallery.items.push(...fitting.map((file) => newItem({ file }, file.name, { packed: isZip(file) })));
    tooMany(gallery);
    captioner.drafts.tab.set(gallery.id);
    keepOrder(gallery);
    gallery.runner.run();
  };

  // ---- Undoing ----

  // A sentence, with a button where something can still be done about it; without a sentence, the one
  // that is there goes.
  const offer = (told = [], button = "", act = null) => {
    const box = part(".offer");
    const focused = box.contains(document.activeElement);
    box.replaceChildren();
    if (focused) refocus();
    if (!told.length) return;
    box.append(captioner.make("p", { role: "status" }, ...captioner.said(...told)));
    if (!act) return;
    const pressed = captioner.make("button", { type: "button" }, ...captioner.said(button));
    pressed.addEventListener("click", () => {
      offer();
      act();
    });
    box.append(pressed);
  };

  const startOver = () => {
    const before = gallery;
    keepOrder(before);
    before.stopped = true;
    start();
    captioner.drafts.tab.set(gallery.id);
    part(".filter").value = "";
    update();
    offer(["started_over"], "undo", () => back(before));
    part(".offer button").focus();
  };

  const back = (before) => {
    gallery = before;
    gallery.stopped = gallery.items.some((item) => item.state !== "done");
    captioner.drafts.tab.set(gallery.id);
    part(".cards").replaceChildren();
    for (const item of shown()) {
      item.card ??= captioner.shell(item);
      item.card.hidden = false;
      part(".cards").append(item.card);
      refill(item);
    }
    update();
    part(".filter").focus({ preventScroll: true });
  };

  const restore = async (id) => {
    const kept = await captioner.drafts.gallery(id);
    if (!kept) return;
    const photos = new Map((await captioner.drafts.photos(id)).map((photo) => [photo.id, photo]));
    // Since the last time that the order was kept, more may have come.
    const order = [...new Set([...kept.order, ...photos.keys()])];
    const items = order
      .map((own) => photos.get(own))
      .filter(Boolean)
      .map((photo) => ({ ...newItem(null, photo.name), ...photo, state: "done" }));
    await Promise.all(items.map(recall));
    if (gallery.items.length) return; // photos have been given meanwhile
    start(id);
    gallery.items = items;
    for (const item of items) place(item);
    captioner.drafts.tab.set(id);
    update();
    if (kept.left) warn("left", kept.left);
  };

  // ---- What a person does ----

  const replaceAll = () => {
    const [from, to] = [part(".from").value, part(".to").value];
    if (!from) return;
    const before = [];
    for (const item of shown())
      for (const own of item.captions ?? []) {
        const text = captioner.textOf(item, own);
        const other = text.replaceAll(from, () => to); // or a $ in it would mean something
        if (other === text) continue;
        before.push([item, own, text]);
        correct(item, own, other);
        refill(item);
      }
    if (!before.length) return offer(["not_found"]);
    offer(["replaced", before.length], "undo", () => {
      for (const [item, own, text] of before) {
        correct(item, own, text);
        refill(item);
      }
    });
  };

  // Whatever else a person does, a correction that goes by it can be had back.
  const dropping = (item, act) => {
    const before = Object.entries(item.edits);
    act();
    const gone = before.filter(([language]) => item.edits[language] === undefined);
    if (!gone.length) return;
    item.dropped = { ...item.dropped, ...Object.fromEntries(gone) };
    captioner.markTools(item);
  };

  const mine = (item) => {
    for (const own of item.captions) {
      const text = item.dropped[own.row.language];
      if (text === undefined) continue;
      correct(item, own, text);
      rewrite(item, own);
    }
    item.card.querySelector("textarea").focus({ preventScroll: true });
    item.dropped = null;
    captioner.markTools(item);
  };

  const anew = (items) => {
    for (const item of items) {
      Object.assign(item, { state: "waiting", urgent: true });
      item.card.setAttribute("aria-busy", "true");
    }
    gallery.runner.run();
  };

  const rewritten = (item) => {
    for (const own of item.captions ?? []) correct(item, own, captioner.chosen(item, own).caption);
    anew([item]);
  };

  const pick = (item, button) => {
    const own = item.captions.find(({ row }) => row.language === button.lang);
    item.picked[button.lang] = Number(button.dataset.n);
    correct(item, own, captioner.chosen(item, own).caption);
    keep(gallery, item);
    rewrite(item, own);
  };

  const rewrite = (item, own) => {
    const box = item.card.querySelector(`.caption[data-language="${own.row.language}"]`);
    box.querySelector("textarea").value = captioner.textOf(item, own);
    captioner.mark(item, own, box);
  };

  const original = (item, button) => {
    const own = item.captions.find(({ row }) => row.language === button.dataset.language);
    const area = item.card.querySelector(`textarea[data-language="${own.row.language}"]`);
    area.focus({ preventScroll: true });
    correct(item, own, captioner.chosen(item, own).caption);
    rewrite(item, own);
  };

  const enlarge = (item) => {
    const dialog = part(".large");
    const image = dialog.querySelector("img");
    image.alt = item.captions ? captioner.textOf(item, item.captions[0]) : "";
    const file = item.member ? null : item.source?.file;
    image.onerror = () => (image.src = item.picture);
    image.src = file ? URL.createObjectURL(file) : item.picture;
    dialog.showModal();
    dialog.onclose = () => {
      if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    };
  };

  const next = (area, step) => {
    const areas = parts(".card:not([hidden])");
    let at = areas.indexOf(area.closest(".card"));
    for (at += step; at >= 0 && at < areas.length; at += step) {
      fill(itemOf(areas[at]));
      const wanted = areas[at].querySelector(`textarea[data-language="${area.dataset.language}"]`);
      if (wanted) return wanted.focus();
    }
  };

  const download = (form) => {
    const photos = gallery.items
      .filter(isThere)
      .map((item) => ({ rows: rowsOf(item), path: item.path, imageId: item.imageId }));
    captioner.download(form, photos);
    changed = false;
  };

  const goOn = () => {
    warn();
    gallery.stopped = false;
    gallery.runner.run();
  };

  const forget = async () => {
    if (!confirm(captioner.word("forget_question"))) return;
    Object.assign(gallery, { stopped: true, forgotten: true });
    await captioner.drafts.forgetAll();
    changed = false;
    start();
    update();
    part("#photos input").focus();
  };

  const buttons = {
    stop: () => {
      gallery.stopped = BY_HAND;
      keepOrder(gallery);
    },
    "go-on": goOn,
    "start-over": startOver,
    forget,
    sort: (button) => {
      button.setAttribute("aria-pressed", String(!isSorted()));
      sort();
    },
    enlarge: (button) => enlarge(itemOf(button)),
    close: () => part(".large").close(),
    anew: (button) => dropping(itemOf(button), () => rewritten(itemOf(button))),
    pick: (button) => dropping(itemOf(button), () => pick(itemOf(button), button)),
    mine: (button) => mine(itemOf(button)),
    original: (button) => dropping(itemOf(button), () => original(itemOf(button), button)),
  };

  const click = ({ target }) => {
    const button = target.closest?.("button");
    if (!button) return;
    if (button.dataset.form) return download(button.dataset.form);
    for (const [name, act] of Object.entries(buttons)) if (button.classList.contains(name)) return act(button);
  };

  const input = ({ target }) => {
    if (target.matches(".filter")) return filter();
    if (!target.matches(".card textarea")) return;
    const item = itemOf(target);
    const own = item.captions.find(({ row }) => row.language === target.dataset.language);
    correct(item, own, target.value);
    captioner.mark(item, own, target.closest(".caption"));
  };

  const keydown = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!event.target.matches(".card textarea")) return;
    event.preventDefault();
    next(event.target, event.shiftKey ? -1 : 1);
  };

  // Both languages for what is there already, as far as its photos are at hand.
  const both = ({ target }) => {
    if (!target.matches(".both") || !target.checked) return;
    const single = gallery.items.filter((item) => item.source && item.captions?.length === 1);
    if (single.length) anew(single);
  };

  captioner.openGallery = async (element, asked) => {
    root = element;
    server = asked;
    start();
    element.addEventListener("click", click);
    element.addEventListener("input", input);
    element.addEventListener("change", both);
    element.addEventListener("keydown", keydown);
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      replaceAll();
    });
    update();
    captioner.takeFiles("many", { take, warn });
    await captioner.drafts.forgetOld();
    const own = captioner.drafts.tab.get();
    if (own && !gallery.items.length) return restore(own);
    const latest = await captioner.drafts.latest();
    if (latest && !gallery.items.length)
      offer(["earlier", latest.order.length], "show_earlier", () => restore(latest.id));
  };

  // A question of the browser's own before a run is broken off, or corrections that were not taken home.
  addEventListener("beforeunload", (event) => {
    if (gallery?.runner.isRunning() || (changed && gallery?.items.length)) event.preventDefault();
  });
})();
