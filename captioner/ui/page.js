// gradio takes a photo only at its own box, and says of any other file no more than "Invalid file
// type". Here the whole page takes it, and every file reaches the server, whose answer is a sentence.
(() => {
  const asImage = (file) =>
    file.type.startsWith("image/") ? file : new File([file], file.name, { type: "image/*" });

  const fill = (input, file) => {
    const chosen = new DataTransfer();
    chosen.items.add(asImage(file));
    input.files = chosen.files;
  };

  const give = (event, files) => {
    const [file] = files ?? [];
    const input = document.querySelector("#photo input[type=file]");
    if (!file || !input) return;
    event.preventDefault();
    event.stopPropagation();
    fill(input, file);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const correct = ({ target }) => {
    if (target.matches("#photo input[type=file]") && target.files[0]) fill(target, target.files[0]);
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
