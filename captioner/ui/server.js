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

  // Another one after each start; null where nothing answers.
  captioner.whichServer = async () => {
    try {
      const response = await fetch("gradio_api/app_id", { cache: "no-store" });
      return response.ok ? (await response.json()).app_id : null;
    } catch {
      return null;
    }
  };

  captioner.isThere = async () => (await captioner.whichServer()) !== null;

  captioner.pause = (milliseconds = PAUSE) => new Promise((later) => setTimeout(later, milliseconds));

  captioner.untilThere = async () => {
    for (;;) {
      const server = await captioner.whichServer();
      if (server) return server;
      await captioner.pause();
    }
  };
})();
