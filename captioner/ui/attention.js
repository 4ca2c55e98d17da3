// The answer to a photo: which of its sentences is shown in full, and where the model looked for
// each of its words. All of it is in the answer's HTML, so nothing here asks the server.
(() => {
  const TILE = 220; // pixels, a tile of the strip
  const LABEL = 36; // pixels, a word below its tile
  const TINT = [255, 64, 0]; // of where a word looked more than the others; rare in photos
  const STRONGEST = 0.6; // the photo shines through, and is as it is elsewhere
  const HEAD = 72; // pixels above the tiles, for the sentence and what is said of it

  let answer = null; // the element that holds everything about the photo
  let picture = null; // the photo in small, as an image
  let pinned = null; // the word that was pressed, whose map stays
  let looked = null; // the word whose map is shown
  let copied = null; // until when the button says so
  let focusNext = null; // what has the focus once there is another answer

  const article = () => answer?.querySelector("article:not([hidden])");
  const photo = () => document.querySelector("#photo img");
  const words = () => [...(article()?.querySelectorAll("[data-word]") ?? [])];

  // Tinted where this word looked more than the others, stretched over a rectangle of a canvas.
  const tint = (pen, number, x, y, width, height) => {
    const [rows, columns] = JSON.parse(article().dataset.grid);
    const map = JSON.parse(article().dataset.maps)[number];
    const small = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    map.forEach((more, cell) => pixels.data.set([...TINT, STRONGEST * more], 4 * cell));
    small.getContext("2d").putImageData(pixels, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, x, y, width, height);
  };

  // Where the browser has put the photo inside its element, which keeps the photo's shape.
  const placeOf = (image) => {
    const box = image.getBoundingClientRect();
    const fit = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const scale = getComputedStyle(image).objectFit === "scale-down" ? Math.min(1, fit) : fit;
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    const [x, y] = [box.x + (box.width - width) / 2, box.y + (box.height - height) / 2];
    return { x, y, width, height };
  };

  // Where a photo that the browser cannot show would be.
  const placeInstead = () => {
    const box = document.querySelector("#photo").getBoundingClientRect();
    const scale = Math.min(box.width / picture.naturalWidth, (box.height - 56) / picture.naturalHeight);
    const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
    return { x: box.x + (box.width - width) / 2, y: box.y, width, height };
  };

  const overlay = () => {
    const known = document.querySelector("#photo > canvas");
    if (known) return known;
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    document.querySelector("#photo").append(canvas);
    return canvas;
  };

  const drawOverlay = (number) => {
    const canvas = overlay();
    const image = photo();
    const unseen = image?.hidden && picture?.complete;
    canvas.classList.toggle("seen", Boolean(image) && (number !== null || unseen));
    if (!image || !article()?.dataset.maps || !(unseen || image.naturalWidth)) return;
    if (number === null && !unseen) return;
    const place = unseen ? placeInstead() : placeOf(image);
    const frame = canvas.parentElement.getBoundingClientRect();
    Object.assign(canvas.style, {
      left: `${place.x - frame.x - canvas.parentElement.clientLeft}px`,
      top: `${place.y - frame.y - canvas.parentElement.clientTop}px`,
      width: `${place.width}px`,
      height: `${place.height}px`,
    });
    canvas.width = place.width * devicePixelRatio;
    canvas.height = place.height * devicePixelRatio;
    const pen = canvas.getContext("2d");
    if (unseen) pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    if (number !== null) tint(pen, number, 0, 0, canvas.width, canvas.height);
  };

  const look = (number) => {
    looked = number;
    for (const button of words()) button.classList.toggle("shown", Number(button.dataset.word) === number);
    drawOverlay(number);
    captioner.tellOf(article(), number);
  };

  const pin = (number) => {
    pinned = number;
    for (const button of words())
      button.setAttribute("aria-pressed", String(Number(button.dataset.word) === number));
    look(number);
  };

  // The sentence, the marks and the model, so that a saved picture says what it shows.
  const drawHead = (pen, width) => {
    const { model, says } = answer.dataset;
    const sure = article().querySelector(".sure");
    const marks = [".dots", "strong"].map((part) => sure?.querySelector(part)?.textContent ?? "");
    const by = JSON.parse(says).by_model.replace("{}", () => model);
    pen.save();
    pen.textAlign = "left";
    pen.font = pen.font.replace("20px", "28px");
    pen.fillText(sentence(), 6, 30, width - 12);
    pen.font = pen.font.replace("28px", "18px");
    pen.fillText([...marks, by].filter(Boolean).join("  "), 6, 58, width - 12);
    pen.restore();
  };

  const drawStrip = () => {
    const canvas = document.querySelector("#strip canvas");
    const texts = words().map((button) => button.textContent);
    if (!canvas || !texts.length || !picture?.naturalWidth) return;
    const columns = Math.min(texts.length, canvas.parentElement.clientWidth > 560 ? 5 : 3);
    const tall = Math.round((TILE * picture.naturalHeight) / picture.naturalWidth);
    canvas.width = columns * TILE;
    canvas.height = HEAD + Math.ceil(texts.length / columns) * (tall + LABEL);
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(document.body);
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = style.color;
    pen.font = `20px ${getComputedStyle(canvas).fontFamily}`;
    drawHead(pen, canvas.width);
    pen.textAlign = "center";
    texts.forEach((word, number) => {
      const x = (number % columns) * TILE;
      const y = HEAD + Math.floor(number / columns) * (tall + LABEL);
      pen.drawImage(picture, x + 3, y + 3, TILE - 6, tall - 6);
      tint(pen, number, x + 3, y + 3, TILE - 6, tall - 6);
      pen.fillText(word, x + TILE / 2, y + tall + 22, TILE - 8);
    });
  };

  // The sentence does not wait for it.
  const drawSoon = () => requestAnimationFrame(() => setTimeout(drawStrip));

  const sentence = () => article()?.querySelector(".sentence").textContent ?? "";

  const certainty = () => article()?.querySelector(".sure strong")?.textContent ?? "";

  // After another answer, or another sentence of the same one.
  const refresh = () => {
    captioner.stopPlaying();
    if (!photo()) return;
    pin(null);
    drawSoon();
    captioner.announce(`${sentence()} ${certainty()}`.trim());
    photo().alt = sentence();
    if (focusNext) document.querySelector(focusNext)?.focus();
    focusNext = null;
  };

  // For player.js.
  captioner.shown = { words, article, look: (number) => pin(number) };

  // sentences: in HTML; none where the photo has no answer.
  captioner.showAnswer = (sentences) => {
    const box = document.querySelector("#answer .contents");
    box.innerHTML = sentences;
    captioner.tellState(); // before anything is measured
    document.querySelector("#answer").classList.remove("stale"); // see photo.js
    answer = box.querySelector(".answer");
    const address = answer?.dataset.picture;
    if (!address || picture?.src === address) return refresh();
    picture = new Image();
    picture.onload = refresh;
    picture.src = address;
  };

  captioner.focusNext = (selector) => (focusNext = selector);

  const choose = (number) => {
    for (const own of answer.querySelectorAll("[data-sentence]"))
      own.hidden = own.dataset.sentence !== number;
    for (const button of answer.querySelectorAll("[data-choose]"))
      button.setAttribute("aria-pressed", String(button.dataset.choose === number));
    refresh();
  };

  // Without https, and not on this computer, a page may not use the clipboard; the old way works.
  const copy = async (button) => {
    if (navigator.clipboard) await navigator.clipboard.writeText(sentence());
    else {
      getSelection().selectAllChildren(article().querySelector(".sentence"));
      document.execCommand("copy");
    }
    // A second click within the two seconds must not take "Copied" for the button's name.
    button.dataset.copy ??= button.textContent;
    button.textContent = button.dataset.copied;
    captioner.announce(button.dataset.copied);
    clearTimeout(copied);
    copied = setTimeout(() => (button.textContent = button.dataset.copy), 2000);
  };

  captioner.saveFile = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // Another seed, as if it had been typed; the button that comes with the answer has the focus.
  const drawAgain = () => {
    const seed = document.querySelector("#seed input");
    seed.value = Number(seed.value) + 1;
    seed.dispatchEvent(new Event("input", { bubbles: true }));
    focusNext = "#answer .draw";
  };

  const saveStrip = () => {
    drawStrip(); // if it is still to come
    document
      .querySelector("#strip canvas")
      .toBlob((blob) => captioner.saveFile(`${answer.dataset.name}-attention.png`, blob));
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("#answer button, #strip button");
    if (!button) return;
    if (button.dataset.word) {
      const number = Number(button.dataset.word);
      pin(pinned === number ? null : number);
    } else if (button.dataset.choose) choose(button.dataset.choose);
    else if (button.matches(".copy")) copy(button);
    else if (button.matches(".draw")) drawAgain();
    else if (button.matches(".save")) saveStrip();
  });

  // A word is looked at while it, or what is told of it, is pointed at or has the focus; then the
  // pressed one again. Or the buttons there would be another word's at the moment of reaching them.
  const begin = ({ target }) => {
    const word = target.closest?.("#answer [data-word]");
    if (word) look(Number(word.dataset.word));
  };
  const end = ({ target, relatedTarget }) => {
    if (relatedTarget?.closest?.("#answer .thought")) return;
    if (target.closest?.("#answer [data-word], #answer .thought")) look(pinned);
  };
  for (const name of ["pointerover", "focusin"]) document.addEventListener(name, begin);
  for (const name of ["pointerout", "focusout"]) document.addEventListener(name, end);

  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  document.addEventListener("keydown", (event) => {
    const word = event.target.closest?.("#answer [data-word]");
    if (!word || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = words();
    const ends = { Home: 0, End: all.length - 1 };
    const at = all.indexOf(word);
    const next = ends[event.key] ?? (step[event.key] && (at + step[event.key] + all.length) % all.length);
    if (event.key === "Escape") pin(null);
    if (next === undefined) return;
    event.preventDefault();
    word.tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
    look(next); // also where the word had the focus before
  });

  const redraw = () => {
    if (!answer) return;
    drawStrip();
    look(looked);
  };
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(redraw, 100));
})();
