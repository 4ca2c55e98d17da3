// The whole page takes photos, wherever they are dropped or pasted: one goes to the box of the tab
// for one photo; several at once, or a zip file, go to the tab for many.
(() => {
  const BUDGET = 8; // milliseconds in one go, half a frame

  const takers = {}; // what takes the files of each tab, once the tab is there
  const waiting = {};

  // A tab that has not been opened yet takes no files.
  const takerOf = (tab) =>
    new Promise((found) => (takers[tab] ? found(takers[tab]) : (waiting[tab] = found)));

  // take(files); warn(template, ...values) says, without losing anything, why something did not work.
  captioner.takeFiles = (tab, taker) => {
    takers[tab] = taker;
    waiting[tab]?.(taker);
    delete waiting[tab];
  };

  const isZip = (file) => /\.zip$/i.test(file.name) || /zip/.test(file.type);
  const isShown = (selector) => Boolean(document.querySelector(selector)?.offsetParent);

  // A file that is too large is refused before it travels. The browser looks each size up on the disk,
  // so that hundreds of them are gone through in pieces, between which it may do something else.
  captioner.fitting = async (files, warn) => {
    const fitting = [];
    let tooLarge = null;
    let end = performance.now() + BUDGET;
    for (const file of files) {
      if (performance.now() > end) {
        await captioner.pause(0);
        end = performance.now() + BUDGET;
      }
      if (file.size <= captioner.mostBytes) fitting.push(file);
      else tooLarge ??= file;
    }
    if (tooLarge) warn("too_large", tooLarge.name, Math.floor(captioner.mostBytes / 1e5) / 10);
    return fitting;
  };

  captioner.give = async (files) => {
    const many = files.length > 1 || isZip(files[0]) || isShown("#photos");
    if (many) document.querySelector("#many-button")?.click();
    (await takerOf(many ? "many" : "one")).take(files);
  };

  // The page's own file fields: what is chosen there can be chosen again.
  document.addEventListener("change", async ({ target }) => {
    const tab = { photo: "one", photos: "many" }[target.closest?.("#photo, #photos")?.id];
    if (!tab || target.type !== "file" || !target.files.length) return;
    const files = [...target.files];
    target.value = "";
    (await takerOf(tab)).take(files);
  });

  // After a reload the page shows what it showed before.
  const TAB = "captioner-tab";
  document.addEventListener("click", ({ target }) => {
    const tab = target.closest?.("#one-button, #many-button");
    if (tab) captioner.remember("sessionStorage", TAB, tab.id);
  });
  captioner.returnToTab = () =>
    document.getElementById(captioner.remembered("sessionStorage", TAB) ?? "one-button")?.click();

  const refuse = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  const isText = ({ target }) => target.closest?.("textarea, input:not([type=file])");

  const paste = async (event) => {
    if (isText(event)) return;
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) {
      refuse(event);
      captioner.give(files);
    } else (await takerOf(isShown("#photos") ? "many" : "one")).warn("no_picture");
  };

  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

  // The browser says only now and then that something is still dragged, and not at all when it has
  // left the window for good.
  let dragged = null;
  const drag = (event) => {
    event.preventDefault();
    if (!holdsFiles(event)) return;
    document.documentElement.classList.add("dragging");
    clearTimeout(dragged);
    dragged = setTimeout(dragEnd, 400);
  };
  const dragEnd = () => document.documentElement.classList.remove("dragging");

  const drop = (event) => {
    dragEnd();
    if (!holdsFiles(event)) return;
    refuse(event);
    if (event.dataTransfer.files.length) captioner.give([...event.dataTransfer.files]);
  };

  // In the capturing phase, so before gradio.
  document.addEventListener("paste", paste, true);
  document.addEventListener("drop", drop, true);
  document.addEventListener("dragover", drag, true);
})();
