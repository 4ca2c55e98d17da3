// The page: photos come in, sentences go out, and where the model looked is shown.

import { WORDS } from "./words.js";

const LARGEST = 1024; // pixels on a photo's longer side that are looked at
const NAMES = { en: "English", zh: "中文" };
// A module that does nothing with a vector of 128 bits, which engines without SIMD refuse.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

const find = (id) => document.getElementById(id);
const isChinese = navigator.language.startsWith("zh");
let tongue = isChinese ? "zh" : "en";
let worker;
let isLoaded = false;
let waiting = null; // a photo that came before the model
let shown = null; // what is said of the photo on the page
let grid = [1, 1];
let spoken = []; // the status line's word and its values
let [received, total] = [0, 0];

function say(word, ...values) {
  spoken = [word, ...values];
  find("status").textContent = word ? told(word, ...values) : "";
}

function told(word, ...values) {
  return WORDS[tongue][word].replaceAll("{}", () => values.shift());
}

function speak() {
  document.documentElement.lang = tongue === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-text]")) {
    if (element.id !== "loading-text") element.textContent = told(element.dataset.text);
  }
  find("tongue").textContent = told("other");
  find("tongue").lang = tongue === "zh" ? "en" : "zh";
  say(...spoken);
  tellProgress();
}

function tellProgress() {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
  find("loading-text").textContent = told("loading", megabytes(received), megabytes(total));
  find("progress").max = total || 1;
  find("progress").value = Math.min(received, total);
}

const heard = {
  total(message) {
    total = message.total;
    tellProgress();
  },
  progress(message) {
    received = message.received;
    tellProgress();
  },
  loaded(message) {
    isLoaded = true;
    grid = message.grid;
    find("loading").hidden = true;
    document.documentElement.dataset.ready = message.onGpu ? "webgpu" : "wasm";
    if (waiting) describe(waiting);
    waiting = null;
  },
  captions({ captions, milliseconds }) {
    shown = captions;
    show();
    say("done", (milliseconds / 1000).toFixed(1));
    document.documentElement.dataset.milliseconds = Math.round(milliseconds);
  },
  failed({ reason, of }) {
    if (of !== "load") return say("failed", reason);
    find("loading").hidden = true;
    say(/memory|RangeError|allocat/i.test(reason) ? "memory" : "network", reason);
  },
};

function show() {
  const [best, ...others] = shown;
  find("answer").hidden = false;
  find("picture").setAttribute("aria-label", best.text);
  find("sentence").lang = find("others").lang = language();
  find("sentence").replaceChildren(
    ...best.pieces.map((piece, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = piece;
      const look = (isOn) => {
        button.setAttribute("aria-pressed", isOn);
        draw(isOn ? best.looked[at] : null);
      };
      button.addEventListener("focus", () => look(true));
      button.addEventListener("blur", () => look(false));
      button.addEventListener("pointerenter", () => look(true));
      button.addEventListener("pointerleave", () => look(false));
      return button;
    }),
  );
  find("others").replaceChildren(
    ...others.map(({ text }) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }),
  );
  document.documentElement.dataset.done = Number(document.documentElement.dataset.done ?? 0) + 1;
}

// Dark where the model did not look, as the grid's map is stretched over the photo.
function draw(looked) {
  const canvas = find("map");
  const [height, width] = grid;
  canvas.width = width;
  canvas.height = height;
  canvas.hidden = !looked;
  if (!looked) return;
  const most = Math.max(...looked);
  const image = new ImageData(width, height);
  looked.forEach((weight, at) => (image.data[at * 4 + 3] = 200 * (1 - weight / most)));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function language() {
  return new FormData(find("options")).get("language");
}

function asked() {
  const form = new FormData(find("options"));
  const options = { top: 4 };
  for (const name of ["beam", "max_length"]) {
    if (Number(form.get(name))) options[name] = Number(form.get(name));
  }
  options.avoid = form.get("avoid").split(/[,，、]/).map((own) => own.trim()).filter(Boolean);
  return options;
}

async function take(file) {
  if (!file) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return say("photo");
  }
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = find("picture");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // what is transparent lies on white
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  find("answer").hidden = false;
  find("sentence").replaceChildren();
  find("others").replaceChildren();
  draw(null);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  describe({ pixels: data, width, height });
}

/** Of a new photo, or once more of the last one. */
function describe(photo = {}) {
  if (!isLoaded) {
    if (photo.pixels) waiting = photo;
    return;
  }
  say("working");
  worker.postMessage({ kind: "caption", ...photo, language: language(), options: asked() });
}

function listen() {
  find("tongue").addEventListener("click", () => {
    tongue = tongue === "zh" ? "en" : "zh";
    speak();
  });
  for (const id of ["choose", "camera"]) {
    find(id).addEventListener("change", ({ target }) => {
      take(target.files[0]);
      target.value = "";
    });
  }
  addEventListener("paste", ({ clipboardData }) => take(clipboardData.files[0]));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    find("drop").classList.add("over");
  });
  addEventListener("dragleave", () => find("drop").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  find("options").addEventListener("submit", (event) => event.preventDefault());
  find("options").addEventListener("change", () => shown && describe());
}

function offerLanguages(known) {
  const wanted = known.includes(tongue) ? tongue : known[0];
  find("languages").append(
    ...known.map((code) => {
      const label = document.createElement("label");
      label.innerHTML = `<input type="radio" name="language" value="${code}"> `;
      label.append(NAMES[code] ?? code);
      label.firstChild.checked = code === wanted;
      return label;
    }),
  );
}

// Everything goes through the service worker, which keeps it for when there is no network.
async function keepFiles() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("service-worker.js");
    if (!navigator.serviceWorker.controller) {
      await new Promise((done) => {
        navigator.serviceWorker.addEventListener("controllerchange", done, { once: true });
        setTimeout(done, 5000);
      });
    }
  } catch {
    // a page that was not served securely works online
  }
}

async function begin() {
  speak();
  listen();
  if (!globalThis.WebAssembly?.validate(SIMD)) {
    find("loading").hidden = true;
    return say("unable");
  }
  await keepFiles();
  try {
    offerLanguages(await (await fetch("languages.json")).json());
  } catch (error) {
    return heard.failed({ reason: String(error), of: "load" });
  }
  worker = new Worker("worker.js", { type: "module" });
  worker.addEventListener("message", ({ data }) => heard[data.kind](data));
  worker.addEventListener("error", (event) => {
    heard.failed({ reason: event.message ?? "", of: isLoaded ? "caption" : "load" });
  });
  worker.postMessage({ kind: "load", language: language() });
}

begin();
