// What the browser asks the server for besides what gradio does. A server that does not answer is
// no mistake of the visitor's: whoever asks waits until it is back.
(() => {
  const PAUSE = 2000; // milliseconds between two questions whether it is back
  const ask = window.fetch.bind(window);

  // Of a server that broke off an answer gradio asks which one it is until it is back; then it loads
  // the page anew, and takes nothing along. It is told when all that it would lose has been kept.
  const keepers = []; // each with `lost`, which says so, and `keep`, done when all is kept
  let leaving = null;
  captioner.beforeReload = (keeper) => keepers.push(keeper);

  const leave = async () => {
    for (const { lost } of keepers) lost?.();
    await captioner.untilThere();
    for (const { keep } of keepers) await keep();
  };

  window.fetch = async (address, ...more) => {
    if (String(address?.url ?? address).endsWith("gradio_api/app_id"))
      await (leaving ??= leave().finally(() => (leaving = null)));
    return ask(address, ...more);
  };

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
      const response = await ask("gradio_api/app_id", { cache: "no-store" });
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
