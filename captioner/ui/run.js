// Has the server caption what waits in the gallery, a few photos at a time. A server that ends in
// the midst is waited for; what it has captioned before stays.
(() => {
  const MOST = 16; // photos of one question, as in gallery.py
  const BRISK = 1500; // milliseconds in which an answer should come, so that cards appear steadily
  const ATTEMPTS = 3; // at a photo, with a server that is there

  const away = Symbol("The server does not answer.");

  // What gradio's `server` gives for an answer that did not come is undefined.
  const answered = (answer) => {
    if (answer === undefined) throw away;
    return answer;
  };

  // upload: of a photo's file, or of the zip file that it lies in, which is sent once.
  const uploads = async (items) => {
    const files = [...new Set(items.filter((item) => !item.source.upload).map((item) => item.source))];
    if (!files.length) return;
    const paths = await captioner.upload(files.map((source) => source.file));
    files.forEach((source, n) => (source.upload = { path: paths[n], orig_name: source.file.name }));
  };

  // gallery: waiting() gives what is to be done next, in order; server; fields(); both(); unpack, take
  // and fail receive what came of it, note what concerns all of it, halt a problem that does.
  captioner.runner = (gallery) => {
    let running = false;
    let size = 1;
    let failures = 0;

    const unpack = async (item) => {
      await uploads([item]);
      const answer = answered(await gallery.server.listed([item.source.upload]));
      if (answer.gone) return again([item]);
      if (answer.problem) return gallery.fail([item], answer.problem);
      gallery.unpack(item, answer.photos);
    };

    const again = (items) => {
      for (const item of items) item.source.upload = null;
      throw away;
    };

    const ask = async (items) => {
      await uploads(items);
      const photos = items.map((item) => ({ upload: item.source.upload, member: item.member ?? "" }));
      const answer = answered(await gallery.server.captioned([photos, await gallery.fields(), gallery.both()]));
      if (answer.gone) return again(items);
      if (answer.problem) return gallery.halt(answer.problem);
      gallery.note(answer.note);
      for (const [n, item] of items.entries()) await gallery.take(item, answer.photos[n]);
    };

    const step = async (waiting) => {
      if (waiting[0].packed) return unpack(waiting[0]);
      const packed = waiting.findIndex((item) => item.packed);
      const items = waiting.slice(0, Math.min(size, packed < 0 ? MOST : packed));
      const began = performance.now();
      await ask(items);
      size = performance.now() - began < BRISK ? Math.min(MOST, 2 * size) : Math.max(1, size >> 1);
    };

    // Whose fault a failure is shows in whether the server is there; with one photo at a time, a bad
    // one takes no other along.
    const failed = async (waiting, problem) => {
      if (problem instanceof captioner.Refusal) return gallery.halt(problem.message);
      size = 1;
      // Whatever it was, the server may not have them any more.
      for (const item of waiting) item.source.upload = null;
      if (await captioner.isThere()) {
        failures += 1;
        if (failures < ATTEMPTS) return captioner.pause(200);
        failures = 0;
        return gallery.fail(waiting.slice(0, 1), null);
      }
      gallery.away(true);
      await captioner.untilThere();
      gallery.away(false);
    };

    return {
      isRunning: () => running,
      run: async () => {
        if (running) return;
        running = true;
        gallery.began();
        for (let waiting = gallery.waiting(); waiting.length; waiting = gallery.waiting()) {
          try {
            await step(waiting);
            failures = 0;
          } catch (problem) {
            await failed(waiting, problem);
          }
        }
        running = false;
        gallery.ended();
      },
    };
  };
})();
