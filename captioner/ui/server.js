// What the browser asks the server for besides what gradio does. A server that does not answer is
// no mistake of the visitor's: whoever asks waits until it is back.
(() => {
  const PAUSE = 2000; // milliseconds between two questions whether it is back

  // A refusal in one sentence, which is the server's last word.
  captioner.Refusal = class extends Error {};

  // Where the files now are on the server. Throws Refusal, or TypeError where nothing answers.
  captioner.upload = async (files) => {
    const form = new FormData();
    for (const file of files) form.append("files", file);
    const response = await fetch("gradio_api/upload", { method: "POST", body: form });
    if (!response.ok) throw new captioner.Refusal(await response.text());
    return response.json();
  };

  captioner.isThere = async () => {
    try {
      return (await fetch("gradio_api/app_id", { cache: "no-store" })).ok;
    } catch {
      return false;
    }
  };

  captioner.pause = (milliseconds = PAUSE) => new Promise((later) => setTimeout(later, milliseconds));

  captioner.untilThere = async () => {
    while (!(await captioner.isThere())) await captioner.pause();
  };

  // A function that asks a question. Whoever calls it again and again has it asked once at a time, and
  // is shown the answer to what was wanted last. put: gives what is to be shown. box: where, which is
  // marked as long as something else will stand there.
  captioner.newest = (put, show, box) => {
    let wanted = 0;
    let running = false;
    return async () => {
      wanted += 1;
      if (running) return;
      running = true;
      box().classList.add("pending");
      for (let number = 0; number !== wanted; ) {
        number = wanted;
        const answer = await put();
        if (number === wanted) show(answer);
      }
      box().classList.remove("pending");
      running = false;
    };
  };
})();
