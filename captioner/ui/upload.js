// gradio takes a photo only at its own box, and says of any other file no more than "Invalid file
// type". Here the whole page takes photos, and every file reaches the server, whose answer is a
// sentence. Several files at once, or a zip file, go to the tab for many photos.
(() => {
  const ONE = "#photo input[type=file]"; // as in one_photo.py
  const MANY = "#photos input[type=file]"; // as in many_photos.py

  const isZip = (file) => /\.zip$/i.test(file.name) || /zip/.test(file.type);

  const asImage = (file) =>
    file.type.startsWith("image/") ? file : new File([file], file.name, { type: "image/*" });

  const fill = (input, files) => {
    const chosen = new DataTransfer();
    for (const file of files) chosen.items.add(input.matches(ONE) ? asImage(file) : file);
    input.files = chosen.files;
  };

  // The same sentences as in any problem of the server's, but the file does not have to travel.
  const problems = {};
  captioner.takeProblems = (selector, props) => (problems[selector] = props);

  const complain = (file, selector) => {
    const alert = document.createElement("p");
    alert.setAttribute("role", "alert");
    for (const [code, sentence] of Object.entries(captioner.tooLarge)) {
      const span = document.createElement("span");
      span.className = `in-${code}`;
      span.lang = code;
      const megabytes = Math.floor(captioner.mostBytes / 1e5) / 10;
      span.textContent = sentence.replace("{}", () => file.name).replace("{}", megabytes);
      alert.append(span);
    }
    problems[selector].value = alert.outerHTML;
  };

  const refuse = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  const fitting = (files, selector) => {
    const tooLarge = files.filter((file) => file.size > captioner.mostBytes);
    if (tooLarge.length) complain(tooLarge[0], selector);
    return files.filter((file) => file.size <= captioner.mostBytes);
  };

  // A tab that has not been opened yet has no box for files.
  const boxOf = async (selector) => {
    for (let patience = 100; patience > 0; patience -= 1) {
      const input = document.querySelector(selector);
      if (input) return input;
      await new Promise((later) => setTimeout(later, 50));
    }
  };

  const give = async (event, list) => {
    if (event.target.closest?.("textarea, input:not([type=file])")) return;
    const all = [...(list ?? [])];
    if (!all.length) return;
    refuse(event);
    const many = all.length > 1 || isZip(all[0]) || document.querySelector("#photos")?.offsetParent;
    if (many) document.querySelector("#many-button")?.click();
    const input = await boxOf(many ? MANY : ONE);
    const files = input ? fitting(all, many ? MANY : ONE) : [];
    if (!files.length) return;
    fill(input, files);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const correct = (event) => {
    const input = event.target;
    if (!input.matches(`${ONE}, ${MANY}`) || !input.files.length) return;
    const files = fitting([...input.files], input.matches(ONE) ? ONE : MANY);
    if (!files.length) {
      refuse(event);
      input.value = "";
    } else if (input.matches(ONE) || files.length < input.files.length) fill(input, files);
  };

  // A file that the browser cannot show (a TIFF, or no picture at all) leaves no broken icon.
  const show = ({ target, type }) => {
    if (target.matches?.("#photo img")) target.hidden = type === "error";
  };

  // In the capturing phase, so before gradio.
  document.addEventListener("paste", (event) => give(event, event.clipboardData?.files), true);
  document.addEventListener("drop", (event) => give(event, event.dataTransfer?.files), true);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("change", correct, true);
  document.addEventListener("error", show, true);
  document.addEventListener("load", show, true);
})();
